/** /api/admin/model: the endpoint that an administrator has connected, where the environment names none. */
import { createRoute, z } from "@hono/zod-openapi";
import { ForbiddenError } from "chatkeep";
import { type ConnectedModel, connectionSchema } from "../assistant/connected-model.ts";
import { createRouter } from "./router.ts";
import { jsonBody, noContent, responses } from "./schemas.ts";

const tags = ["Administration"];
const path = "/admin/model";
const shown = z.object({
  baseUrl: z.string(),
  models: z.array(z.string()),
  hasKey: z.boolean().meta({ description: "The key itself is told to nobody." }),
});

const read = createRoute({
  method: "get",
  path,
  tags,
  summary: "Which endpoint is connected, and whether one can be",
  responses: responses(
    200,
    z.object({
      isOpen: z.boolean().meta({ description: "The environment names no model." }),
      connection: shown.nullable(),
    }),
    "What there is",
  ),
});

const test = createRoute({
  method: "post",
  path: `${path}/test`,
  tags,
  summary: "Ask the first of its models something, and keep nothing",
  request: { body: jsonBody(connectionSchema) },
  responses: responses(200, z.object({ answer: z.string() }), "What it said"),
});

const connect = createRoute({
  method: "put",
  path,
  tags,
  summary: "Connect an endpoint that speaks OpenAI's chat completions, after it has answered",
  request: { body: jsonBody(connectionSchema) },
  responses: responses(200, shown, "It is connected, on all servers within ten seconds"),
});

const disconnect = createRoute({
  method: "delete",
  path,
  tags,
  summary: "Disconnect it: the offline assistant answers",
  responses: noContent("None is connected"),
});

/** `undefined` where the environment names a model. Comes after what lets administrators alone in. */
export function adminModelRoutes(connected: ConnectedModel | undefined) {
  const open = () => {
    if (connected) return connected;
    throw new ForbiddenError(
      "The models of this server are set in its environment: CHATKEEP_MODEL or CHATKEEP_PROVIDERS.",
    );
  };
  return createRouter()
    .openapi(read, async (c) =>
      c.json({ isOpen: connected !== undefined, connection: (await connected?.read()) ?? null }, 200),
    )
    .openapi(test, async (c) => c.json(await open().test(c.req.valid("json")), 200))
    .openapi(connect, async (c) => c.json(await open().connect(c.req.valid("json")), 200))
    .openapi(disconnect, async (c) => {
      await open().disconnect();
      return c.body(null, 204);
    });
}
