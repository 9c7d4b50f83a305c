/** What this process does, in numbers that Prometheus reads. Labels are names of our own: no label grows with users or chats. */
import type { Observer, Outcome } from "chatkeep";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { kindOfRequest } from "./observe-requests.ts";

/** The metrics of a process. */
export interface Metrics {
  /** For `createStore` and `createApp`. */
  observer: Observer;
  contentType: string;
  /** All of them as text. */
  read(): Promise<string>;
  /** A number for each label, looked at when it is asked for. */
  gauge(name: string, help: string, label: string, look: () => Record<string, number>): void;
  /** The same of what only grows. */
  counter(name: string, help: string, label: string, look: () => Record<string, number>): void;
}

const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const statementBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const runBuckets = [0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600];

/** Makes the metrics of a process: requests, statements and replies, and those of Node.js. */
export function createMetrics(): Metrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const requests = new Histogram({
    name: "chatkeep_http_request_duration_seconds",
    help: "Requests, by method, route and status, until the answer begins.",
    labelNames: ["method", "route", "status"],
    buckets: requestBuckets,
    registers,
  });
  const statements = new Histogram({
    name: "chatkeep_statement_duration_seconds",
    help: "Statements of the store, by name, with the waiting for a connection.",
    labelNames: ["statement"],
    buckets: statementBuckets,
    registers,
  });
  const failures = new Counter({
    name: "chatkeep_statement_failures_total",
    help: "Statements of the store that failed, by name.",
    labelNames: ["statement"],
    registers,
  });
  const running = new Gauge({ name: "chatkeep_runs_running", help: "Replies that this process writes.", registers });
  const runs = new Histogram({
    name: "chatkeep_run_duration_seconds",
    help: "Replies, by how they ended.",
    labelNames: ["outcome"],
    buckets: runBuckets,
    registers,
  });
  const tokens = new Counter({
    name: "chatkeep_tokens_total",
    help: "Tokens of replies, as models reported them; cached ones are input too, those of thoughts output.",
    labelNames: ["kind"],
    registers,
  });

  function endRun({ run }: Outcome, seconds: number): void {
    running.dec();
    if (!run) return;
    runs.observe({ outcome: run.status }, seconds);
    const { inputTokens = 0, outputTokens = 0, cachedTokens = 0, reasoningTokens = 0 } = run;
    const counts = { input: inputTokens, output: outputTokens, cached: cachedTokens, reasoning: reasoningTokens };
    for (const [kind, count] of Object.entries(counts)) tokens.inc({ kind }, count);
  }

  const looking =
    (look: () => Record<string, number>, label: string) =>
    (set: (labels: Record<string, string>, value: number) => void) => {
      for (const [key, value] of Object.entries(look())) set({ [label]: key }, value);
    };

  return {
    contentType: register.contentType,
    read: () => register.metrics(),
    observer: {
      begin: ({ kind, name }) => {
        const began = performance.now();
        if (kind === "run") running.inc();
        return {
          within: (work) => work(),
          end: (outcome = {}) => {
            const seconds = (performance.now() - began) / 1_000;
            if (kind === "request") requests.observe({ method: name, ...kindOfRequest(outcome) }, seconds);
            if (kind === "statement") statements.observe({ statement: name }, seconds);
            if (kind === "statement" && outcome.error !== undefined) failures.inc({ statement: name });
            if (kind === "run") endRun(outcome, seconds);
          },
        };
      },
    },
    gauge: (name, help, label, look) => {
      const each = looking(look, label);
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          each((labels, value) => this.set(labels, value));
        },
      });
    },
    counter: (name, help, label, look) => {
      const each = looking(look, label);
      new Counter({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          each((labels, value) => this.inc(labels, value));
        },
      });
    },
  };
}
