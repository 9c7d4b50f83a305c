/** /api/conversations/…/settings: how a model is to answer in a chat. */
import { createRoute, z } from "@hono/zod-openapi";
import { idSchema, type Store } from "chatkeep";
import { asConversation, conversation } from "chatkeep/wire";
import { generationSettingsSchema } from "../assistant/generation-settings.ts";
import { noteOfConversation } from "../conversation-notes.ts";
import { createRouter } from "./router.ts";
import { idMeta, jsonBody, responses } from "./schemas.ts";

const put = createRoute({
  method: "put",
  path: "/conversations/{id}/settings",
  tags: ["Conversations"],
  summary: "Note how a model is to answer in a conversation, in the place of what was noted before",
  request: { params: z.object({ id: idSchema.meta(idMeta) }), body: jsonBody(generationSettingsSchema) },
  responses: responses(200, conversation, "The conversation, with them in its metadata as settings"),
});

export function settingsRoutes(store: Store) {
  return createRouter().openapi(put, async (c) => {
    const settings = c.req.valid("json");
    const value = Object.keys(settings).length > 0 ? settings : null;
    const noted = await noteOfConversation(store, c.get("userId"), c.req.valid("param").id, "settings", value);
    return c.json(asConversation(noted), 200);
  });
}
