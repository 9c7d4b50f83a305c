/** A router whose validation errors are chatkeep's own, and whose handlers know who is asking. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { invalidInput } from "chatkeep/internal";

export interface Env {
  Variables: { userId: string; requestId: string };
}

const places: Record<string, string> = { json: "body", param: "path" };

export function createRouter() {
  return new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw invalidInput(result.error, places[result.target] ?? result.target);
    },
  });
}
