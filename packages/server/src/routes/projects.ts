/** /api/projects, and which of them a conversation is in. */
import { createRoute, z } from "@hono/zod-openapi";
import { idSchema, type Store, uuidSchema } from "chatkeep";
import { asConversation, conversation } from "chatkeep/wire";
import type { Database } from "../database.ts";
import type { Rows } from "../limits.ts";
import type { Project } from "../models/index.ts";
import {
  createProject,
  deleteProject,
  listProjects,
  moveToProject,
  newProjectSchema,
  projectChangesSchema,
  updateProject,
} from "../projects.ts";
import { createRouter } from "./router.ts";
import { idMeta, jsonBody, noContent, responses } from "./schemas.ts";

const tags = ["Projects"];
const path = "/projects/{id}";
const time = z.iso.datetime();
const params = () => z.object({ id: uuidSchema });

const shown = z
  .object({
    id: z.uuid(),
    name: z.string(),
    instructions: z.string().nullable().meta({ description: "What every model is told in its chats." }),
    model: z.string().nullable().meta({ description: "What a new chat in it is answered by; null for the usual one." }),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Project" });

const list = createRoute({
  method: "get",
  path: "/projects",
  tags,
  summary: "List projects by name",
  responses: responses(200, z.object({ items: z.array(shown) }), "All of them: at most 200"),
});

const create = createRoute({
  method: "post",
  path: "/projects",
  tags,
  summary: "Create a project",
  request: { body: jsonBody(newProjectSchema) },
  responses: responses(201, shown, "The project"),
});

const change = createRoute({
  method: "patch",
  path,
  tags,
  summary: "Rename a project, or change what it tells its chats",
  request: { params: params(), body: jsonBody(projectChangesSchema) },
  responses: responses(200, shown, "The project as it is now"),
});

const remove = createRoute({
  method: "delete",
  path,
  tags,
  summary: "Delete a project; its conversations stay",
  request: { params: params() },
  responses: noContent("It is gone, and its conversations are in none"),
});

const move = createRoute({
  method: "put",
  path: "/conversations/{id}/project",
  tags,
  summary: "Put a conversation into a project, or with null out of it",
  request: {
    params: z.object({ id: idSchema.meta(idMeta) }),
    body: jsonBody(z.strictObject({ projectId: uuidSchema.nullable() })),
  },
  responses: responses(200, conversation, "The conversation, with the project in its metadata as projectId"),
});

export interface ProjectOptions {
  db: Database;
  store: Store;
  rows: Rows;
}

export function projectRoutes({ db, store, rows }: ProjectOptions) {
  return createRouter()
    .openapi(list, async (c) => c.json({ items: (await listProjects(db, c.get("userId"))).map(asProject) }, 200))
    .openapi(create, async (c) => {
      await rows.take(c.get("userId"), 1);
      return c.json(asProject(await createProject(db, c.get("userId"), c.req.valid("json"))), 201);
    })
    .openapi(change, async (c) => {
      const { id } = c.req.valid("param");
      return c.json(asProject(await updateProject(db, c.get("userId"), id, c.req.valid("json"))), 200);
    })
    .openapi(remove, async (c) => {
      await deleteProject(db, c.get("userId"), c.req.valid("param").id);
      return c.body(null, 204);
    })
    .openapi(move, async (c) => {
      const { projectId } = c.req.valid("json");
      const moved = await moveToProject(db, store, c.get("userId"), c.req.valid("param").id, projectId);
      return c.json(asConversation(moved), 200);
    });
}

function asProject({ createdAt, updatedAt, ...row }: Project): z.infer<typeof shown> {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
