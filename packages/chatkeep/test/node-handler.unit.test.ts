import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type NodeRequest, toNodeHandler } from "chatkeep/node";
import { afterEach, expect, it } from "vitest";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function parsed(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

const echo = async (request: Request) =>
  Response.json(
    { method: request.method, path: new URL(request.url).pathname, body: await request.json() },
    { status: 201, headers: { "x-kind": "echo" } },
  );
const post = (url: string) => fetch(`${url}/api/chat`, { method: "POST", body: JSON.stringify({ id: "ä" }) });
const expected = { method: "POST", path: "/api/chat", body: { id: "ä" } };

it("a handler serves Node's own server", async () => {
  const handler = toNodeHandler(echo);
  const response = await post(await listen((request, answer) => void handler(request, answer)));
  expect([response.status, response.headers.get("x-kind"), await response.json()]).toEqual([201, "echo", expected]);
});

it("takes a body that was parsed already, as Express and Fastify do", async () => {
  const handler = toNodeHandler(echo);
  const express = async (request: NodeRequest, response: ServerResponse) => {
    request.body = await parsed(request);
    await handler(request, response);
  };
  const fastify = async (raw: IncomingMessage, response: ServerResponse) => {
    let isHijacked = false;
    const reply = { raw: response, hijack: () => (isHijacked = true) };
    await handler({ raw, body: await parsed(raw) }, reply);
    expect(isHijacked).toBe(true);
  };
  for (const listener of [express, fastify]) {
    const url = await listen((request, response) => void listener(request, response));
    expect(await (await post(url)).json()).toEqual(expected);
  }
});

it("streams as it comes, waits for a slow client, and ends when the client goes away", async () => {
  let pulled = 0;
  const left = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const piece = new Uint8Array(64 * 1024);
  const handler = toNodeHandler((request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(piece);
      },
      cancel: () => left.resolve(),
    });
    return new Response(body);
  });
  const url = await listen((request, answer) => void handler(request, answer));
  const leaving = new AbortController();
  const response = await fetch(url, { signal: leaving.signal });
  const reader = response.body?.getReader();
  expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = pulled;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect([pulled - before, pulled < 1_000]).toEqual([0, true]);
  leaving.abort();
  await Promise.all([left.promise, aborted.promise]);
});
