/** The tasks of the user, which are this server's own. */
import { useQuery } from "@tanstack/react-query";
import type { Page } from "chatkeep/client";
import { client } from "../client.ts";

export interface Task {
  id: string;
  title: string;
  description: string | null;
  completed: boolean;
  createdAt: string;
  updatedAt: string;
}

const pathOf = (id: string) => `/tasks/${encodeURIComponent(id)}`;

export const tasksKey = ["tasks"];

export const tasks = {
  list: () => client.request<Page<Task>>("/tasks", { query: { limit: 100 } }),
  create: (title: string) => client.request<Task>("/tasks", { method: "POST", json: { title } }),
  complete: (id: string, completed: boolean) =>
    client.request<Task>(pathOf(id), { method: "PATCH", json: { completed } }),
  delete: (id: string) => client.request<void>(pathOf(id), { method: "DELETE" }),
};

/** They change while the assistant works on them. */
export function useTasks() {
  return useQuery({ queryKey: tasksKey, queryFn: tasks.list });
}
