/** Which conversation holds a transcript, and how those of a project or a session are found. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { limits } from "../../limits.ts";
import { parse } from "../../store/input.ts";
import type { Page } from "../../store/messages/page.ts";
import { isStorable } from "../../store/schemas.ts";
import { strictObject } from "../../store/strict-object.ts";
import type { Conversation } from "../../store/tables/conversation.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import type { SessionKey } from "./contract.ts";

const longest = 1_000;

function nameSchema(most: number) {
  return z
    .string("must be a text")
    .min(1, "must not be empty")
    .max(most, `must have at most ${most} characters`)
    .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");
}

const keySchema = strictObject({
  projectKey: nameSchema(longest),
  sessionId: nameSchema(limits.idCharacters),
  subpath: nameSchema(longest).optional(),
});

/** @throws invalid_input */
export function checkedKey(key: SessionKey): SessionKey {
  return parse(keySchema, key, "key");
}

/** @throws invalid_input */
export function checkedProject(projectKey: string): string {
  return parse(keySchema.shape.projectKey, projectKey, "projectKey");
}

/** The id of the conversation of a transcript, for the verbs of `store.forUser(userId)`. @throws invalid_input */
export function conversationIdOf(key: SessionKey): string {
  const { projectKey, sessionId, subpath = null } = checkedKey(key);
  const digest = createHash("sha256")
    .update(JSON.stringify([projectKey, sessionId, subpath]))
    .digest("hex");
  return `claude-agent-${digest}`;
}

/** What the metadata of a conversation say of its transcript; lists are narrowed by it. */
export function metadataOf({ projectKey, sessionId, subpath }: SessionKey) {
  return { claudeProjectKey: projectKey, claudeSessionId: sessionId, claudeSubpath: subpath ?? null };
}

/** Those with such metadata, archived ones too. */
export async function conversationsWith(
  user: UserStore,
  metadata: Record<string, string | null>,
): Promise<Conversation[]> {
  const found = new Map<string, Conversation>();
  for (const archived of [true, false]) {
    for (let cursor: string | null | undefined = undefined; cursor !== null; ) {
      const page: Page<Conversation> = await user.conversations.list({
        metadata,
        archived,
        cursor,
        limit: limits.pageSize,
      });
      for (const each of page.items) found.set(each.id, each);
      // One that is written to meanwhile moves to the beginning, behind whoever is on the way to the end.
      if (cursor && page.nextCursor === null) {
        const { items } = await user.conversations.list({ metadata, archived, limit: limits.pageSize });
        for (const each of items) found.set(each.id, each);
      }
      cursor = page.nextCursor;
    }
  }
  return [...found.values()].sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime());
}
