/**
 * The conformance suite: what a store of conversations must hold, as cases that run against any store.
 *
 * ```ts
 * runConformance("my store", async () => ({ store: adapter, close: async () => {} }), { without: ["faults", …] });
 * ```
 * What a subject lacks must be declared in `without`, and its cases are reported as skipped; what it lacks and does not
 * declare fails.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { archiveCases } from "./cases/archive.ts";
import { contentCases } from "./cases/content.ts";
import { costCases } from "./cases/cost.ts";
import { deletionCases } from "./cases/deletion.ts";
import { isolationCases } from "./cases/isolation.ts";
import { lostCases } from "./cases/lost.ts";
import { orderCases } from "./cases/order.ts";
import { retryCases } from "./cases/retry.ts";
import { wholeCases } from "./cases/whole.ts";
import { type Capability, type CaseContext, type ConformanceCase, capabilities, has, type Subject } from "./subject.ts";

export type {
  Capability,
  ConformanceCase,
  ConformanceCode,
  ConformanceStore,
  Counted,
  ReadMessage,
  SentMessage,
  Subject,
} from "./subject.ts";

/** What the suite leaves out, and how long it tries. */
export interface ConformanceOptions {
  /** Capabilities that the subject does not have. */
  without?: readonly Capability[];
  /** How often random things are tried; 10 when left out. Over 20 is the long form. */
  rounds?: number;
  /** Makes what is random the same again; from the clock when left out, and part of the suite's name. */
  seed?: number;
  /** For one case, in milliseconds; two minutes when left out. */
  timeoutMs?: number;
}

/** All cases, by promise. */
export const conformanceGroups: readonly { name: string; cases: readonly ConformanceCase[] }[] = [
  { name: "P1 nothing is lost", cases: lostCases },
  { name: "P2 one order", cases: orderCases },
  { name: "P3 retrying", cases: retryCases },
  { name: "P4 isolation", cases: isolationCases },
  { name: "P5 cost", cases: costCases },
  { name: "P6 what comes in comes back", cases: wholeCases },
  { name: "Content", cases: contentCases },
  { name: "Deletion", cases: deletionCases },
  { name: "Archive and branches", cases: archiveCases },
];

/** Declares the suite under vitest. `make` opens the subject once; each case makes users and conversations of its own. */
export function runConformance(name: string, make: () => Promise<Subject>, options: ConformanceOptions = {}): void {
  const { without = [], rounds = 10, seed = Date.now() % 1_000_000_000, timeoutMs = 120_000 } = options;
  describe(`conformance of ${name} (seed ${seed}, ${rounds} rounds)`, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await make();
    }, timeoutMs);
    afterAll(() => subject?.close(), timeoutMs);

    it("has every capability that it does not declare to lack", () => {
      expect(capabilities.filter((each) => !has(subject, each) && !without.includes(each))).toEqual([]);
      expect(without.filter((each) => has(subject, each))).toEqual([]);
    });

    for (const group of conformanceGroups) {
      describe(group.name, () => {
        for (const each of group.cases) {
          const isLacking = each.needs.some((need) => without.includes(need));
          it.skipIf(isLacking)(`${each.id} ${each.title}`, () => each.run(contextOf(subject, rounds, seed)), timeoutMs);
        }
      });
    }
  });
}

/** What a case runs in, for those who run single cases. */
export function contextOf(subject: Subject, rounds: number, seed: number): CaseContext {
  return { subject, store: subject.store, rounds, seed, random: randomFrom(seed) };
}

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
