/** chatkeep/client runs in any browser: nothing of the library comes with it but its own files and a parser. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createClient, type EventsState } from "chatkeep/client";
import { parseSync } from "oxc-parser";
import { afterEach, expect, it, vi } from "vitest";

const folder = fileURLToPath(new URL("../../chatkeep/src/client/", import.meta.url));

it("takes types from the library, and the words of failures, which take nothing", () => {
  const files = readdirSync(folder);
  const taken = files.flatMap((file) => valuesOf(file));
  const others = taken.filter((source) => !(source.startsWith("./") && files.includes(source.slice(2))));
  expect(new Set(others)).toEqual(new Set(["eventsource-parser", "../model-failures.ts"]));
  expect(valuesOf("../model-failures.ts")).toEqual([]);
});

afterEach(() => void vi.useRealTimers());

it("a connection on which nothing comes any more is lost, and opened again", async () => {
  vi.useFakeTimers();
  const states: EventsState[] = [];
  let opened = 0;
  const silent = async () => {
    opened += 1;
    return new Response(new ReadableStream({ start: (stream) => stream.enqueue(ready) }));
  };
  const end = createClient({ fetch: silent }).events.subscribe(() => {}, { onState: (state) => states.push(state) });
  await vi.advanceTimersByTimeAsync(44_000);
  expect(states.map(({ name }) => name)).toEqual(["connecting", "open"]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(states.map(({ name }) => name)).toEqual(["connecting", "open", "waiting", "connecting", "open"]);
  expect(states[2]).toMatchObject({ error: { code: "unavailable", status: 0 } });
  end();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(opened).toBe(2);
});

const ready = new TextEncoder().encode('data: {"type":"ready"}\n\n');

it("where it is refused it asks less and less often, and not before the server wants it", async () => {
  vi.useFakeTimers();
  const waits: number[] = [];
  const busy = async () =>
    Response.json(
      { error: { code: "rate_limited", message: "Too many.", details: { retryAfter: 2 } } },
      { status: 429 },
    );
  const end = createClient({ fetch: busy }).events.subscribe(() => {}, {
    onState: (state) => state.name === "waiting" && waits.push(state.retryInMs),
  });
  await vi.advanceTimersByTimeAsync(180_000);
  end();
  expect(waits.slice(0, 2)).toEqual([2_000, 2_000]);
  expect(waits.at(-1)).toBeGreaterThanOrEqual(15_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
});

/** What a file needs at run time. */
function valuesOf(file: string): string[] {
  const { staticImports, staticExports } = parseSync(file, readFileSync(folder + file, "utf8")).module;
  const imported = staticImports.filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType));
  const exported = staticExports
    .flatMap(({ entries }) => entries)
    .filter((entry) => entry.moduleRequest && !entry.isType);
  return [
    ...imported.map(({ moduleRequest }) => moduleRequest.value),
    ...exported.map((entry) => entry.moduleRequest?.value ?? ""),
  ];
}
