/** Statements that take long are named in the log: by their names, without their values. */
import type { Observation, Observer } from "chatkeep";
import type { Log } from "./log.ts";

const nothing: Observation = { within: (work) => work(), end: () => {} };

/** Of statements that take `ms` milliseconds or more, with the waiting for a connection. */
export function slowStatements(log: Log, ms: number): Observer {
  return {
    begin: ({ kind, name: statement }) => {
      if (kind !== "statement") return nothing;
      const began = performance.now();
      return {
        within: (work) => work(),
        end: () => {
          const took = Math.round(performance.now() - began);
          if (took >= ms) log.warn({ statement, ms: took }, "a slow statement");
        },
      };
    },
  };
}
