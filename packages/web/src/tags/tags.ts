/** Tags, as the server has them: those of a chat are in its metadata. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { Conversation } from "chatkeep/client";
import { client } from "../client.ts";

export interface Tag {
  name: string;
  conversations: number;
}

export const tagsQuery = queryOptions({
  queryKey: ["tags"],
  queryFn: async () => (await client.request<{ items: Tag[] }>("/tags")).items,
});

/** By name; empty until they are read. */
export function useTags(): readonly Tag[] {
  return useQuery(tagsQuery).data ?? none;
}

const none: readonly Tag[] = [];

export function tagsOf(conversation: Conversation): string[] {
  const noted = conversation.metadata?.["tags"];
  return Array.isArray(noted) ? noted.filter((tag) => typeof tag === "string") : [];
}

export const saveTags = (id: string, tags: readonly string[]) =>
  client.request<Conversation>(`/conversations/${encodeURIComponent(id)}/tags`, { method: "PUT", json: { tags } });
