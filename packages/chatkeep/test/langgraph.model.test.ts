/** Any history of a thread, with forks, retries and copies: each checkpoint reads as it does from LangGraph's own saver in memory. */
import { type Checkpoint, emptyCheckpoint, MemorySaver, uuid6 } from "@langchain/langgraph-checkpoint";
import * as fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { openCheckpoints } from "./helpers/checkpoints.ts";
import { isLong } from "./helpers/long.ts";

let checkpoints: Awaited<ReturnType<typeof openCheckpoints>>;
beforeAll(async () => {
  checkpoints = await openCheckpoints();
  return checkpoints[Symbol.asyncDispose];
});

const channels = ["a", "b", "c"];
const command = fc.oneof(
  fc.record({ kind: fc.constant("step" as const), ...placeOf(), changed: fc.subarray(channels) }),
  fc.record({ kind: fc.constant("copy" as const), ...placeOf() }),
  fc.record({ kind: fc.constant("again" as const), ...placeOf() }),
  fc.record({
    kind: fc.constant("write" as const),
    ...placeOf(),
    task: fc.constantFrom("x", "y"),
    path: fc.constantFrom("", "b", "a"),
  }),
  fc.record({ kind: fc.constant("read" as const), ...placeOf() }),
);

function placeOf() {
  return { from: fc.nat(), value: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()) };
}

interface Saved {
  checkpoint: Checkpoint;
  parentId: string | undefined;
  newVersions: Record<string, number>;
}

let threads = 0;

it("reads as it was saved", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 25 }), async (commands) => {
      threads += 1;
      const thread = `thread ${threads}`;
      const savers = [checkpoints.ann, new MemorySaver()] as const;
      const at = (id?: string) => ({
        configurable: { thread_id: thread, checkpoint_ns: "", ...(id ? { checkpoint_id: id } : {}) },
      });
      const saved: Saved[] = [];
      const save = async ({ checkpoint, parentId, newVersions }: Saved) => {
        const metadata = { source: "loop", step: saved.length, parents: {} } as const;
        for (const saver of savers) await saver.put(at(parentId), checkpoint, metadata, newVersions);
      };
      const next = async (
        values: Checkpoint["channel_values"],
        versions: Record<string, number>,
        parentId: string | undefined,
        changed: string[],
      ) => {
        const newVersions = Object.fromEntries(changed.map((channel) => [channel, versions[channel] ?? 0]));
        const checkpoint = {
          ...emptyCheckpoint(),
          id: uuid6(saved.length),
          channel_values: values,
          channel_versions: versions,
        };
        saved.push({ checkpoint, parentId, newVersions });
        await save(saved.at(-1) as Saved);
      };
      for (const command of commands) {
        const before = saved[command.from % Math.max(saved.length, 1)];
        const {
          channel_values: values = {},
          channel_versions: versions = {},
          id = undefined,
        } = before?.checkpoint ?? {};
        if (command.kind === "step") {
          // As LangGraph counts: one more than the last version of this branch, whatever other branches have.
          const version = Math.max(0, ...Object.values(versions).map(Number)) + 1;
          const changes = (value: unknown) => Object.fromEntries(command.changed.map((channel) => [channel, value]));
          await next(
            { ...values, ...changes(command.value) },
            { ...(versions as Record<string, number>), ...(changes(version) as Record<string, number>) },
            id,
            command.changed,
          );
        } else if (!before) continue;
        else if (command.kind === "copy") await next(values, versions as Record<string, number>, before.parentId, []);
        else if (command.kind === "again") await save(before);
        else if (command.kind === "write") {
          for (const saver of savers)
            await saver.putWrites(
              at(id),
              [
                ["a", command.value],
                ["__error__", "no"],
              ],
              command.task,
              command.path,
            );
        } else expect(await savers[0].getTuple(at(id))).toEqual(await savers[1].getTuple(at(id)));
      }
      for (const { checkpoint } of saved) {
        expect(await savers[0].getTuple(at(checkpoint.id))).toEqual(await savers[1].getTuple(at(checkpoint.id)));
      }
      expect(await savers[0].getTuple(at())).toEqual(await savers[1].getTuple(at()));
    }),
    { numRuns: isLong ? 1_000 : 40 },
  );
});
