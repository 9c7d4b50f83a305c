/**
 * Projects of a user. A chat is in the one that its metadata names as `projectId`, so that lists, exports and programs have it as
 * everything else that is noted of a chat; an id that is no project's means none. Every function takes the owner.
 */
import { InvalidInputError, idSchema, NotFoundError, type Store, type UserId, uuidSchema } from "chatkeep";
import { instructionsSchema, isStorable, modelSchema } from "chatkeep/internal";
import { and, asc, count, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { noteOfConversation } from "./conversation-notes.ts";
import type { Database } from "./database.ts";
import { type Project, project, user } from "./models/index.ts";

const max = { projects: 200, name: 100 };

const shape = {
  name: z
    .string("must be a text")
    .trim()
    .min(1, "must not be empty")
    .max(max.name, `must have at most ${max.name} characters`)
    .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair"),
  instructions: instructionsSchema.nullable(),
  model: modelSchema.nullable(),
};

export const newProjectSchema = z.strictObject({
  name: shape.name,
  instructions: shape.instructions.optional(),
  model: shape.model.optional(),
});

export const projectChangesSchema = newProjectSchema
  .partial()
  .refine((given) => Object.keys(given).length > 0, "must have at least one of name, instructions, model");

const columns = {
  id: project.id,
  name: project.name,
  instructions: project.instructions,
  model: project.model,
  createdAt: project.createdAt,
  updatedAt: project.updatedAt,
};

/** All of a user, by name. */
export async function listProjects(db: Database, userId: string): Promise<Project[]> {
  return await db
    .select(columns)
    .from(project)
    .where(eq(project.userId, userId))
    .orderBy(asc(sql`lower(${project.name})`), asc(project.id));
}

/** @throws invalid_input for one too many */
export async function createProject(
  db: Database,
  userId: string,
  given: z.output<typeof newProjectSchema>,
): Promise<Project> {
  return await db.transaction(async (tx) => {
    const [owner] = await tx.select({ id: user.id }).from(user).where(eq(user.id, userId)).for("no key update");
    if (!owner) throw new NotFoundError("user", userId);
    const [found] = await tx.select({ projects: count() }).from(project).where(eq(project.userId, userId));
    if ((found?.projects ?? 0) >= max.projects)
      throw new InvalidInputError(`${max.projects} projects are the limit of one user: delete one that is not needed.`);
    const [made] = await tx
      .insert(project)
      .values({ userId, ...withoutBlank(given) })
      .returning(columns);
    return made as Project;
  });
}

/** @throws not_found */
export async function updateProject(
  db: Database,
  userId: string,
  id: string,
  changes: z.output<typeof projectChangesSchema>,
): Promise<Project> {
  const [changed] = await db
    .update(project)
    .set({ ...withoutBlank(changes), updatedAt: sql`now()` })
    .where(own(userId, id))
    .returning(columns);
  if (!changed) throw new NotFoundError("project", id);
  return changed;
}

/** Its chats stay, and are in no project from then on. @throws not_found */
export async function deleteProject(db: Database, userId: string, id: string): Promise<void> {
  const gone = await db.delete(project).where(own(userId, id)).returning({ id: project.id });
  if (gone.length === 0) throw new NotFoundError("project", id);
}

/** Puts a chat into a project, or out of the one that it is in. @throws not_found */
export async function moveToProject(
  db: Database,
  store: Store,
  userId: string,
  conversationId: string,
  projectId: string | null,
) {
  if (projectId !== null && !(await findProject(db, userId, projectId))) throw new NotFoundError("project", projectId);
  return await noteOfConversation(store, userId, conversationId, "projectId", projectId);
}

/** What the project that a chat is in tells every model; `null` when there is none. */
export async function projectInstructions(
  db: Database,
  store: Store,
  userId: UserId,
  conversationId: string,
): Promise<string | null> {
  const instructed = and(eq(project.userId, String(userId)), sql`${project.instructions} is not null`);
  // Most have none: then the chat need not be read.
  const [any] = await db.select({ id: project.id }).from(project).where(instructed).limit(1);
  if (!any || !idSchema.safeParse(conversationId).success) return null;
  const conversation = await store.forUser(userId).conversations.find(conversationId);
  const projectId = conversation?.metadata?.["projectId"];
  const found = typeof projectId === "string" ? await findProject(db, String(userId), projectId) : undefined;
  return found?.instructions ?? null;
}

async function findProject(db: Database, userId: string, id: string): Promise<Project | undefined> {
  if (!uuidSchema.safeParse(id).success) return undefined;
  const [found] = await db.select(columns).from(project).where(own(userId, id));
  return found;
}

function own(userId: string, id: string) {
  return and(eq(project.userId, userId), eq(project.id, id));
}

/** Instructions that are only spaces are none. */
function withoutBlank<Given extends { instructions?: string | null | undefined }>(given: Given): Given {
  return given.instructions?.trim() === "" ? { ...given, instructions: null } : given;
}

/** Of an archive; one that is there already is left as it is. */
export async function restoreProject(db: Database, userId: string, data: Project): Promise<void> {
  await db
    .insert(project)
    .values({ ...data, userId })
    .onConflictDoNothing();
}
