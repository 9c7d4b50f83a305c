import { readFileSync } from "node:fs";
import { type ConformanceCase, conformanceGroups, contextOf } from "chatkeep/testing";
import { describe, expect, it } from "vitest";
import { type Fault, memoryStore } from "./helpers/memory-store.ts";

const cases = conformanceGroups.flatMap((group) => group.cases);
/** What a store without connections, processes, faults, counters and a shelf can be asked. */
const askable = cases.filter(({ needs }) => needs.every((need) => need === "clock"));

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
    expect(await failing("clock")).toEqual(["P1.7", "P2.1", "P2.4", "P2.5", "P2.6", "P2.7", "P2.8", "P2.10"]);
  });

  it("finds exactly what is wrong with a store that reads a count, changes it, and writes it", async () => {
    expect(await failing("count")).toEqual(["P1.7", "P2.1", "P2.4"]);
  });

  it("finds exactly what is wrong with a store that looks up by id without the owner", async () => {
    expect(await failing("owner")).toEqual(["P4.1", "P4.2", "P4.3", "P4.4", "P4.5"]);
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
