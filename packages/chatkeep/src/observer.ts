/** Who is told what chatkeep does, and how long it takes: by names of chatkeep's own, and never by what people say or are called. */
import type { FinishReason } from "./store/tables/message.ts";
import type { RunStatus, TokenCounts } from "./store/tables/run.ts";

/** What has begun. */
export interface Observed {
  /** A request of HTTP, a verb of a store, a statement of it, or the making of a reply. */
  kind: "request" | "verb" | "statement" | "run";
  /** Such as `messages.append`, of a verb; `append`, of a statement; the method, of a request. */
  name: string;
  /** Of a request: what it came with, for the trace that it belongs to. */
  headers?: Headers | undefined;
}

/** How it has ended. */
export interface Outcome {
  /** What was thrown. Its message may quote what people have said: write down its code alone. */
  error?: unknown;
  /** Of a request: the pattern that its path has matched, and the status of its answer. */
  route?: string | undefined;
  status?: number | undefined;
  run?: RunOutcome | undefined;
}

/** How a run has ended. */
export interface RunOutcome extends TokenCounts {
  status: Exclude<RunStatus, "running">;
  finishReason?: FinishReason | undefined;
  /** Of a run that has completed. */
  model?: string | undefined;
}

/** Something that has begun and not ended. */
export interface Observation {
  /** Runs what belongs to it. */
  within<Result>(work: () => Result): Result;
  /** Called once. */
  end(outcome?: Outcome): void;
}

/** Is told of everything when it begins, and again when it ends. What it throws breaks what it looks at, so it must throw nothing. */
export interface Observer {
  begin(what: Observed): Observation;
}

/** One observer of several, each told of all. */
export function observers(all: readonly Observer[]): Observer {
  return {
    begin: (what) => {
      const begun = all.map((each) => each.begin(what));
      return {
        within: (work) => begun.reduceRight((inner, each) => () => each.within(inner), work)(),
        end: (outcome) => {
          for (const each of begun) each.end(outcome);
        },
      };
    },
  };
}

/** Runs `work`, and tells the observer of it if there is one. */
export async function observed<Result>(
  observer: Observer | undefined,
  kind: Observed["kind"],
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!observer) return await work();
  const observation = observer.begin({ kind, name });
  try {
    const result = await observation.within(work);
    observation.end();
    return result;
  } catch (error) {
    observation.end({ error });
    throw error;
  }
}

/** The same verbs, each told of by its name. */
export function observedVerbs<Verbs extends object>(observer: Observer, verbs: Verbs, prefix = ""): Verbs {
  const entries = Object.entries(verbs).map(([key, value]: [string, unknown]) => {
    const name = `${prefix}${key}`;
    if (typeof value === "function") {
      return [key, (...given: unknown[]) => observed(observer, "verb", name, async () => await value(...given))];
    }
    return [key, typeof value === "object" && value !== null ? observedVerbs(observer, value, `${name}.`) : value];
  });
  return Object.fromEntries(entries) as Verbs;
}

/** What may be written down of an error: a code, or the name of its kind. */
export function kindOfError(error: unknown): string {
  if (typeof error !== "object" || error === null) return "unknown";
  const { code, name } = error as { code?: unknown; name?: unknown };
  const known = [code, name].find((each) => typeof each === "string" && /^[\w.]{1,60}$/.test(each));
  return typeof known === "string" ? known : "Error";
}
