/** What the assistant can do with the tasks of the user who asks; any model gets the same tools. */

import { type ToolSet, tool } from "ai";
import { ChatkeepError } from "chatkeep";
import { z } from "zod";
import type { Database } from "../database.ts";
import type { Rows } from "../limits.ts";
import type { Task } from "../models/index.ts";
import { addTask, changeTask, deleteTask, listTasks } from "../tasks.ts";

/** What a tool tells the model: it worked, or a sentence that says why not. */
export type TaskResult =
  | { ok: true; tasks: { title: string; completed: boolean }[]; more?: boolean; before?: string }
  | { ok: false; reason: string };

/** A title has 200 letters: whatever is much longer names no task. */
const which = z.string().max(500).describe("The title of the task, or words that only its title has");
const maxTasks = 100;

/** Tools bound to one user: they cannot name another. */
export function taskTools(db: Database, userId: string, rows: Rows) {
  const found = (words: string, change: (task: Task) => Promise<Task>) =>
    answer(async () => {
      const task = await findByWords(db, userId, words);
      if (!("id" in task)) return task;
      return { ...success([await change(task)]), before: task.title };
    });
  return {
    addTask: tool({
      description: "Add a task to the user's list",
      inputSchema: z.object({ title: z.string(), description: z.string().optional() }),
      execute: (input) =>
        answer(async () => {
          await rows.take(userId, 1);
          return success([await addTask(db, userId, input)]);
        }),
    }),
    listTasks: tool({
      description: "List the user's tasks",
      inputSchema: z.object({
        completed: z.boolean().optional().describe("Only the done ones, or only the open ones"),
      }),
      execute: ({ completed }) =>
        answer(async () => {
          const { items, nextCursor } = await listTasks(db, userId, { completed, limit: maxTasks });
          return { ...success(items), more: nextCursor !== null };
        }),
    }),
    completeTask: tool({
      description: "Mark a task as done",
      inputSchema: z.object({ task: which }),
      execute: ({ task }) => found(task, ({ id }) => changeTask(db, userId, id, { completed: true })),
    }),
    renameTask: tool({
      description: "Give a task another title",
      inputSchema: z.object({ task: which, title: z.string() }),
      execute: ({ task, title }) => found(task, ({ id }) => changeTask(db, userId, id, { title })),
    }),
    deleteTask: tool({
      description: "Delete a task from the list",
      inputSchema: z.object({ task: which }),
      execute: ({ task }) => found(task, ({ id }) => deleteTask(db, userId, id)),
    }),
  } satisfies ToolSet;
}

function success(tasks: readonly Task[]) {
  return { ok: true as const, tasks: tasks.map(({ title, completed }) => ({ title, completed })) };
}

/** A rule that was broken is told to the model; what is not the user's fault fails the tool. */
async function answer(work: () => Promise<TaskResult>): Promise<TaskResult> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ChatkeepError && ["invalid_input", "not_found", "rate_limited"].includes(error.code)) {
      return { ok: false, reason: error.message };
    }
    throw error;
  }
}

/** Open tasks before done ones, an equal title before one that only has the words. */
async function findByWords(db: Database, userId: string, words: string): Promise<Task | { ok: false; reason: string }> {
  const { items } = await listTasks(db, userId, { limit: maxTasks });
  const wanted = plain(words);
  const candidates = [...items].sort((a, b) => Number(a.completed) - Number(b.completed));
  const equal = candidates.find(({ title }) => plain(title) === wanted);
  if (equal) return equal;
  const matches = candidates.filter(({ title }) => {
    const words = plain(title).split(" ");
    return wanted.split(" ").every((word) => words.includes(word));
  });
  const open = matches.filter(({ completed }) => !completed);
  const [only, ...others] = open.length > 0 ? open : matches;
  if (!only) return { ok: false, reason: `There is no task like “${words}” on the list.` };
  if (others.length === 0) return only;
  const titles = [only, ...others].map(({ title }) => `“${title}”`).join(", ");
  return { ok: false, reason: `Several tasks are like “${words}”: ${titles}. Which one?` };
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/\b(the|a|an|my|task)\b/g, " ")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
