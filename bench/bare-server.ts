/** The floor over HTTP, in a process of its own: a bare Hono route that runs the hand-written statement. No sign-in, no checks. */
import { serve } from "@hono/node-server";
import { openPg } from "chatkeep/pg";
import { Hono } from "hono";
import { floorOnPool } from "./floor.ts";
import type { Chat } from "./sample.ts";

interface Turn {
  messages: { content: string }[];
}

const { pool } = openPg({ url: process.argv[2] ?? "" });
const userId = process.argv[3] ?? "";
const lastIds = new Map<string, Chat>();
const chatOf = (id: string) => {
  const known = lastIds.get(id) ?? { userId, id, lastId: null };
  lastIds.set(id, known);
  return known;
};

const app = new Hono()
  .post("/api/conversations/:id/messages", async (c) => {
    const { messages } = await c.req.json<Turn>();
    const floor = floorOnPool(pool, { question: messages[0]?.content ?? "", answer: messages[1]?.content ?? "" });
    return c.json({ items: (await floor.saveTurn(chatOf(c.req.param("id")))).rows }, 201);
  })
  .get("/api/conversations/:id/messages", async (c) => {
    const floor = floorOnPool(pool, { question: "", answer: "" });
    return c.json({ items: (await floor.readLast(chatOf(c.req.param("id")), 50)).rows });
  })
  .get("/api/conversations", async (c) => {
    const floor = floorOnPool(pool, { question: "", answer: "" });
    return c.json({ items: (await floor.list(userId, 20)).rows });
  });

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send?.(port));
