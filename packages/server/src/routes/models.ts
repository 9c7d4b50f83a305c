/** /api/models: which models answer here, for whoever chooses one. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import type { Models } from "../assistant/models.ts";
import { createRouter } from "./router.ts";
import { responses } from "./schemas.ts";

const model = z
  .object({
    name: z.string().meta({ description: "What a conversation names as its model." }),
    isUsual: z.boolean().meta({ description: "It answers where a conversation names none." }),
    takesFiles: z.boolean().meta({ description: "Pictures and other files, as far as it is configured." }),
    takesTools: z.boolean().meta({ description: "Tools, as far as it is configured." }),
  })
  .meta({ id: "Model" });

const list = createRoute({
  method: "get",
  path: "/models",
  tags: ["Models"],
  summary: "Which models answer here, the usual one first",
  responses: responses(200, z.object({ items: z.array(model) }), "All of them"),
});

export function modelRoutes(models: Models) {
  return createRouter().openapi(list, (c) => c.json({ items: models.list() }, 200));
}
