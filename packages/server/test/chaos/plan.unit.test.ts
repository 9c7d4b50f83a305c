/** A run is had again by its seed alone. */
import { expect, it } from "vitest";
import { planChaos } from "./plan.ts";
import { randomFrom } from "./random.ts";

const options = { servers: 3, forMs: 120_000, leaseMs: 2_000 };

it("plans the same faults for the same seed, and others for another", () => {
  expect(planChaos(7, options)).toEqual(planChaos(7, options));
  expect(planChaos(8, options)).not.toEqual(planChaos(7, options));
});

it("has every kind of fault in every lane, and pauses servers for longer than their lease", () => {
  const { servers, networks, database, embedded } = planChaos(7, options);
  const kinds = (lane: readonly { kind: string }[]) => new Set(lane.map(({ kind }) => kind)).size;
  expect(servers.map(kinds)).toEqual([3, 3, 3]);
  expect(networks.map(kinds)).toEqual([6, 6, 6]);
  expect(kinds(database)).toBe(4);
  expect(embedded).toHaveLength(10);
  const paused = servers.flat().filter(({ kind }) => kind === "server paused");
  for (const { forMs } of paused) expect(forMs).toBeGreaterThan(options.leaseMs);
});

it("gives each name numbers of its own", () => {
  const first = (name: string) => randomFrom(7, name).next();
  expect(first("one")).toBe(first("one"));
  expect(first("one")).not.toBe(first("two"));
});
