import { Worker } from "node:worker_threads";
import { afterAll, expect, it } from "vitest";
import { isLong } from "../../chatkeep/test/helpers/long.ts";
import { attacksOn, type Pattern, patternsOfProject } from "./helpers/patterns.ts";

/** What a pattern gets to read where that is less than a megabyte: who gives it more, changes this list. */
const atMost: Record<string, [letters: number, because: string]> = {
  "server/src/assistant/intents.ts": [500, "no command is longer: `beginningOf`"],
  "server/src/config.ts": [4 * 1024, "the operator's own settings"],
  "server/src/config-models.ts": [4 * 1024, "the operator's own settings"],
  "chatkeep/src/store/migration-obstacles.ts": [
    16 * 1024,
    "a migration of our own, where another application's tables are met",
  ],
  "server/src/auth.ts": [16 * 1024, "Node refuses longer headers"],
};
/** A pattern whose work grows with the square is stuck on an eighth of a megabyte already; the long form has all of it. */
const enough = (isLong ? 1024 : 128) * 1024;
/** Ten times and more what the slowest one takes: who needs more is not slow but stuck. */
const timeoutMs = isLong ? 20_000 : 5_000;

const program = `
  const { parentPort } = require("node:worker_threads");
  parentPort.on("message", ({ source, flags, attacks, letters }) => {
    const pattern = new RegExp(source, flags.replace("g", ""));
    for (const { before, piece, after } of attacks) {
      parentPort.postMessage({ trying: { before, piece, after } });
      const text = before + piece.repeat(Math.ceil(letters / piece.length)).slice(0, letters) + after;
      pattern.test(text);
      if (flags.includes("g")) text.replace(new RegExp(source, flags), "");
    }
    parentPort.postMessage({ done: true });
  });`;

let worker: Worker | undefined;
afterAll(() => worker?.terminate());

/** Resolves with the text on which it got stuck, if it did: then its worker is stuck too, and the next pattern gets another. */
async function feed(pattern: Pattern, timeout = timeoutMs): Promise<unknown> {
  worker ??= new Worker(program, { eval: true });
  const own = worker;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  let trying: unknown;
  let timer: NodeJS.Timeout | undefined;
  const onMessage = (told: { trying?: unknown; done?: boolean }) => {
    trying = told.trying ?? trying;
    timer ??= setTimeout(() => {
      worker = undefined;
      void own.terminate();
      resolve(trying);
    }, timeout);
    if (told.done) resolve(undefined);
  };
  own.once("error", reject).on("message", onMessage);
  // The bad ones are of no file: they get all of it, so that they are found out.
  const [letters] = atMost[pattern.file] ?? [pattern.file === "" ? 1024 * 1024 : enough];
  own.postMessage({ ...pattern, attacks: attacksOn(pattern), letters });
  return await promise.finally(() => {
    clearTimeout(timer);
    own.off("error", reject).off("message", onMessage);
  });
}

const patterns = patternsOfProject();

it("finds the patterns of the project", () => {
  expect(patterns.length).toBeGreaterThan(50);
  expect(patterns.map(({ file }) => file)).toEqual(
    expect.arrayContaining(["web/src/strings/errors.ts", "chatkeep/src/sql/cursor.ts", "zod"]),
  );
});

it.each([
  [String.raw`\s+$`, ""],
  [String.raw`[.!?\s]+$`, ""],
  ["what (?:did|was).*first", "i"],
  ["^(?:rename|change) (.+?) (?:to|into) (.+)$", ""],
  [String.raw`^(?:show|list)\b.*\b(?:done|finished)\b.*(?:tasks?|list)?$`, ""],
  ["(a|a)*b", ""],
  ["(?:x+x+)+y", ""],
  [String.raw`^(\w+\s?)*$`, ""],
  [String.raw`<[^>]*>\s*<\/`, "g"],
])("finds out a bad one: %s", async (source, flags) => {
  expect(await feed({ file: "", source, flags }, 500)).toMatchObject({ piece: expect.any(String) });
});

it.each(patterns)(
  "a long text of its own pieces does not stop $file: /$source/",
  { timeout: 60_000 },
  async (pattern) => {
    expect(await feed(pattern)).toBeUndefined();
  },
);
