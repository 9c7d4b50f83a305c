import { readFileSync } from "node:fs";
import { type ConformanceCase, conformanceGroups, contextOf } from "chatkeep/testing";
import { describe, expect, it } from "vitest";
import { type Fault, memoryStore } from "./helpers/memory-store.ts";

const cases = conformanceGroups.flatMap((group) => group.cases);
/** What a store without connections, processes, faults, counters, an archive and branches can be asked. */
const askable = cases.filter(({ needs }) => needs.every((need) => ["clock", "whole", "changes"].includes(need)));

async function failing(fault?: Fault): Promise<string[]> {
  const failed: string[] = [];
  for (const each of askable) {
    const subject = memoryStore(fault);
    await each.run(contextOf(subject, 5, 42)).catch(() => failed.push(each.id));
  }
  return failed;
}

describe("the conformance suite", () => {
  it("finds nothing wrong with a right store", async () => {
    expect(await failing()).toEqual([]);
  });

  it("finds exactly what is wrong with a store that orders by the clock", async () => {
    expect(await failing("clock")).toEqual([
      "P1.7",
      "P2.1",
      "P2.4",
      "P2.5",
      "P2.6",
      "P2.7",
      "P2.8",
      "P2.10",
      "P6.1",
      "P6.3",
    ]);
  });

  it("finds exactly what is wrong with a store that reads a count, changes it, and writes it", async () => {
    expect(await failing("count")).toEqual(["P1.7", "P2.1", "P2.4"]);
  });

  it("finds exactly what is wrong with a store that looks up by id without the owner", async () => {
    expect(await failing("owner")).toEqual(["P4.1", "P4.2", "P4.3", "P4.4", "P4.5", "P6.4"]);
  });

  it.each([
    ["does not keep what is beside the words", "metadata", ["P6.3"]],
    ["has one room of names for everybody", "names", ["P6.1", "P6.2"]],
    ["changes what was changed meanwhile", "blind", ["P6.4"]],
    ["leaves something of what is redacted", "redaction", ["P6.5"]],
    ["replaces a transcript, and gives history the time of now", "replaces", ["P6.7", "P6.8"]],
  ] as const)("finds exactly what is wrong with a store that %s", async (_name, fault, ids) => {
    expect(await failing(fault)).toEqual(ids);
  });

  it("has an id of its own for each case, and docs/conformance.md names all of them and no others", () => {
    const ids = cases.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const text = readFileSync(new URL("../../../docs/conformance.md", import.meta.url), "utf8");
    const told = [...text.matchAll(/^\| ((?:P\d|C|D|S)\.\d+) \| ([^|]+?) \|/gm)].map(
      ([, id, title]) => `${id} ${title}`,
    );
    expect(told).toEqual(cases.map(({ id, title }: ConformanceCase) => `${id} ${title}`));
  });
});
