/** Titles of threads: asked for by the client once the first answer is there, and kept unless somebody has named the thread meanwhile. */
import { limits } from "../../limits.ts";
import { titleFrom } from "../../store/conversations/titles.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { isObject } from "./aui-v0.ts";

/** What a title is to be made of. */
export interface TitleRequest {
  userId: UserId;
  threadId: string;
  /** As the client has them: `{ role, content: [{ type: "text", text }, …] }`. */
  messages: readonly Record<string, unknown>[];
  /** Aborted when the client does not wait any more. */
  signal: AbortSignal;
}

/** Makes a title; what is longer than 200 characters is cut, and nothing (`""`) leaves the one that is there. */
export type GenerateTitle = (request: TitleRequest) => string | Promise<string>;

/** The first question, shortened. */
export function firstTitle({ messages }: Pick<TitleRequest, "messages">): string {
  const said = messages.map(({ role, content }) => {
    const texts = Array.isArray(content) ? content.filter(isObject).map(({ text }) => text) : [content];
    const words = texts.filter((text) => typeof text === "string");
    return { role: String(role), content: words.join("\n") };
  });
  return titleFrom(said) ?? "";
}

/** The title that the thread has from now on. @throws not_found; whatever `generateTitle` throws */
export async function keepTitle(user: UserStore, request: TitleRequest, generateTitle: GenerateTitle): Promise<string> {
  const { threadId } = request;
  const before = await user.conversations.get(threadId);
  // What the store has made of the first question is the same, and what somebody chose is better.
  if (generateTitle === firstTitle && before.title !== null) return before.title;
  const made = [...(await generateTitle(request)).toWellFormed().replaceAll("\0", "").trim()];
  const title = made.slice(0, limits.titleCharacters).join("").trim();
  return await user.transaction(threadId, async (mine) => {
    const now = await mine.conversations.get(threadId);
    if (title === "" || now.title !== before.title) return now.title ?? "";
    return (await mine.conversations.rename(threadId, title)).title ?? "";
  });
}
