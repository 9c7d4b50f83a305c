/** /api/tasks */
import { createRoute } from "@hono/zod-openapi";
import type { Lanes } from "chatkeep/internal";
import { pageOf } from "chatkeep/wire";
import { z } from "zod";
import type { Database } from "../database.ts";
import type { Rows } from "../limits.ts";
import { addTask, changeTask, deleteTask, getTask, listTasks, newTaskSchema, taskChangesSchema } from "../tasks.ts";
import { createRouter } from "./router.ts";
import { asTask, cursorQuery, jsonBody, limitQuery, noContent, responses, task, uuidParam } from "./schemas.ts";

const tags = ["Tasks"];
const path = "/tasks/{id}";
const completedQuery = z
  .enum(["true", "false"], 'must be "true" or "false"')
  .transform((text) => text === "true")
  .optional()
  .meta({ type: "boolean" });

const list = createRoute({
  method: "get",
  path: "/tasks",
  tags,
  summary: "List tasks, oldest first",
  request: { query: z.object({ limit: limitQuery, cursor: cursorQuery, completed: completedQuery }) },
  responses: responses(200, pageOf(task), "A page; 50 when no limit is given"),
});

const create = createRoute({
  method: "post",
  path: "/tasks",
  tags,
  summary: "Add a task",
  request: { body: jsonBody(newTaskSchema) },
  responses: responses(201, task, "The task"),
});

const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Read a task",
  request: { params: uuidParam() },
  responses: responses(200, task, "The task"),
});

const change = createRoute({
  method: "patch",
  path,
  tags,
  summary: "Change a task",
  request: { params: uuidParam(), body: jsonBody(taskChangesSchema) },
  responses: responses(200, task, "The task as it is now"),
});

const remove = createRoute({
  method: "delete",
  path,
  tags,
  summary: "Delete a task",
  request: { params: uuidParam() },
  responses: noContent("It is gone"),
});

export function taskRoutes(db: Database, rows: Rows, lanes: Lanes) {
  return createRouter()
    .openapi(list, async (c) => {
      const { items, nextCursor } = await listTasks(db, c.get("userId"), c.req.valid("query"));
      return c.json({ items: items.map(asTask), nextCursor }, 200);
    })
    .openapi(create, async (c) => {
      await rows.take(c.get("userId"), 1);
      const userId = c.get("userId");
      const added = await lanes.run(userId, undefined, () => addTask(db, userId, c.req.valid("json")));
      return c.json(asTask(added), 201);
    })
    .openapi(get, async (c) => c.json(asTask(await getTask(db, c.get("userId"), c.req.valid("param").id)), 200))
    .openapi(change, async (c) => {
      const [userId, { id }, changes] = [c.get("userId"), c.req.valid("param"), c.req.valid("json")];
      const changed = await lanes.run(userId, id, () => changeTask(db, userId, id, changes));
      return c.json(asTask(changed), 200);
    })
    .openapi(remove, async (c) => {
      const [userId, { id }] = [c.get("userId"), c.req.valid("param")];
      await lanes.run(userId, id, () => deleteTask(db, userId, id));
      return c.body(null, 204);
    });
}
