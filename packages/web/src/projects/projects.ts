/** Projects, as the server has them, and which one a chat is in: what its metadata says. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { Conversation } from "chatkeep/client";
import { client } from "../client.ts";
import { wantedModel } from "../conversation/models.ts";

export interface Project {
  id: string;
  name: string;
  /** What every model is told in its chats. */
  instructions: string | null;
  /** What a new chat in it begins with; `null` for the usual one. */
  model: string | null;
}

export type ProjectChange = Partial<Omit<Project, "id">>;

export const projects = {
  create: (json: ProjectChange) => client.request<Project>("/projects", { method: "POST", json }),
  change: (id: string, json: ProjectChange) => client.request<Project>(pathOf(id), { method: "PATCH", json }),
  delete: (id: string) => client.request<unknown>(pathOf(id), { method: "DELETE" }),
  /** `null`: out of the one that it is in. */
  move: (conversationId: string, projectId: string | null) =>
    client.request<Conversation>(`/conversations/${encodeURIComponent(conversationId)}/project`, {
      method: "PUT",
      json: { projectId },
    }),
};

const pathOf = (id: string) => `/projects/${encodeURIComponent(id)}`;

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: async () => (await client.request<{ items: Project[] }>("/projects")).items,
});

/** By name; empty until they are read. */
export function useProjects(): readonly Project[] {
  return useQuery(projectsQuery).data ?? none;
}

const none: readonly Project[] = [];

/** One that is deleted is none. */
export function useProjectOf(conversation: Conversation | undefined): Project | undefined {
  const projectId = conversation?.metadata?.["projectId"];
  return useProjects().find(({ id }) => id === projectId);
}

/** Of this tab: the chats that are to begin in a project. */
const wanted = new Map<string, string>();

export function wantProject(conversationId: string, projectId: string): void {
  wanted.set(conversationId, projectId);
}

/** Before the first question. */
export async function makeInProject(id: string): Promise<void> {
  const projectId = wanted.get(id);
  if (projectId === undefined) return;
  await client.conversations.create({ id, metadata: { projectId }, model: wantedModel(id) ?? null });
  wanted.delete(id);
}
