import Link from "next/link";
import { signIn, userIdOf } from "../lib/auth.ts";
import { store } from "../lib/chats.ts";

export default async function Page() {
  const userId = await userIdOf();
  if (!userId) {
    return (
      <form action={signIn}>
        <label>
          Name <input name="name" pattern="\w{1,40}" required />
        </label>{" "}
        <button type="submit">Sign in</button>
      </form>
    );
  }
  const { items } = await store.forUser(userId).conversations.list();
  return (
    <main>
      <h1>{userId}</h1>
      <Link href={`/chat/${crypto.randomUUID()}`}>New chat</Link>
      <ul>
        {items.map(({ id, title }) => (
          <li key={id}>
            <Link href={`/chat/${id}`}>{title ?? "Untitled"}</Link>
          </li>
        ))}
      </ul>
    </main>
  );
}
