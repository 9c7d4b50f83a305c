/** What a user can do with tasks. Every function takes the owner. */
import { limitSchema, NotFoundError, type Page, titleSchema, uuidSchema } from "chatkeep";
import { encodeCursor, isStorable, keyOf, parse } from "chatkeep/internal";
import { and, asc, eq, type SQL, sql } from "drizzle-orm";
import { z } from "zod";
import type { Database } from "./database.ts";
import { type Task, task } from "./models/index.ts";

const descriptionSchema = z
  .string("must be a text")
  .max(10_000, "must have at most 10000 characters")
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

export const newTaskSchema = z.object({
  title: titleSchema,
  description: descriptionSchema.nullable().optional(),
  completed: z.boolean("must be true or false").optional(),
});

export const taskChangesSchema = newTaskSchema.partial();

export type NewTask = z.input<typeof newTaskSchema>;
export type TaskChanges = z.input<typeof taskChangesSchema>;

export interface TaskPageOptions {
  limit?: number | undefined;
  cursor?: string | undefined;
  completed?: boolean | undefined;
}

const tasksPerPage = 50;

const columns = {
  id: task.id,
  title: task.title,
  description: task.description,
  completed: task.completed,
  createdAt: task.createdAt,
  updatedAt: task.updatedAt,
};

/** Oldest first; 50 to a page. @throws invalid_input */
export async function listTasks(db: Database, ownerId: string, options: TaskPageOptions = {}): Promise<Page<Task>> {
  const limit = parse(limitSchema, options.limit ?? tasksPerPage, "limit");
  const filters = [
    eq(task.userId, ownerId),
    options.completed === undefined ? undefined : eq(task.completed, options.completed),
    options.cursor ? above(options.cursor) : undefined,
  ];
  const rows = await db
    .select(columns)
    .from(task)
    .where(and(...filters))
    .orderBy(asc(task.createdAt), asc(task.id))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items, nextCursor: last ? encodeCursor([last.createdAt.getTime(), last.id]) : null };
}

/** @throws invalid_input */
export async function addTask(db: Database, ownerId: string, input: NewTask): Promise<Task> {
  const { title, description = null, completed = false } = parse(newTaskSchema, input, "task");
  const [row] = await db.insert(task).values({ userId: ownerId, title, description, completed }).returning(columns);
  return row as Task;
}

/** @throws invalid_input, not_found */
export async function getTask(db: Database, ownerId: string, taskId: string): Promise<Task> {
  const [row] = await db.select(columns).from(task).where(owned(ownerId, taskId));
  if (!row) throw new NotFoundError("task", taskId);
  return row;
}

/** @throws invalid_input, not_found */
export async function changeTask(db: Database, ownerId: string, taskId: string, input: TaskChanges): Promise<Task> {
  const changes = parse(taskChangesSchema, input, "task");
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const [row] = await db
    .update(task)
    .set({ ...given, updatedAt: sql`now()` })
    .where(owned(ownerId, taskId))
    .returning(columns);
  if (!row) throw new NotFoundError("task", taskId);
  return row;
}

/** @throws invalid_input, not_found */
export async function deleteTask(db: Database, ownerId: string, taskId: string): Promise<Task> {
  const [row] = await db.delete(task).where(owned(ownerId, taskId)).returning(columns);
  if (!row) throw new NotFoundError("task", taskId);
  return row;
}

function owned(ownerId: string, taskId: string): SQL | undefined {
  return and(eq(task.userId, ownerId), eq(task.id, parse(uuidSchema, taskId, "taskId")));
}

function above(cursor: string): SQL {
  const { time, id } = keyOf(cursor);
  return sql`(${task.createdAt}, ${task.id}) > (${time}::timestamptz, ${id}::uuid)`;
}
