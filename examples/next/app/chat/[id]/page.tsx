import { InvalidInputError, NotFoundError } from "chatkeep";
import { readUIMessages } from "chatkeep/ai-sdk";
import Link from "next/link";
import { notFound, redirect } from "next/navigation";
import { userIdOf } from "../../../lib/auth.ts";
import { store } from "../../../lib/chats.ts";
import { Chat } from "./chat.tsx";

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  const userId = await userIdOf();
  if (!userId) redirect("/");
  const messages = await readUIMessages(store.forUser(userId), id).catch((error: unknown) => {
    if (error instanceof NotFoundError) return []; // A chat is made by its first question.
    if (error instanceof InvalidInputError) notFound(); // The id is longer than 255 characters.
    throw error;
  });
  return (
    <main>
      <Link href="/">All chats</Link>
      <Chat id={id} messages={messages} />
    </main>
  );
}
