/** chatkeep/opentelemetry: what a store, its replies and a server do, as spans and metrics of whatever SDK the process has registered. */
import {
  type Attributes,
  context,
  isSpanContextValid,
  metrics,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { kindOfError, type Observed, type Observer, type Outcome, type RunOutcome } from "./observer.ts";

const name = "chatkeep";
const database = { "db.system.name": "postgresql" };
const seconds = { unit: "s", advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60] } };

/** Whether an SDK is registered in this process: without one all of this does nothing. */
export function isOpenTelemetryOn(): boolean {
  return isSpanContextValid(trace.getTracer(name).startSpan("look").spanContext());
}

/**
 * Makes an observer for `createStore`, `createReplies` and `createChatApp`. Requests, statements and replies have the names that
 * OpenTelemetry's semantic conventions give them. No attribute has words of people, ids, or values of a query.
 */
export function openTelemetryObserver(): Observer {
  const tracer = trace.getTracer(name);
  const meter = metrics.getMeter(name);
  const requests = meter.createHistogram("http.server.request.duration", seconds);
  const statements = meter.createHistogram("db.client.operation.duration", seconds);
  const runs = meter.createHistogram("gen_ai.client.operation.duration", seconds);
  const tokens = meter.createHistogram("gen_ai.client.token.usage", { unit: "{token}" });

  function start({ kind, name: what, headers }: Observed): { span: Span; parent: typeof parent } {
    const active = context.active();
    const isInside = trace.getSpan(active) !== undefined;
    const parent =
      kind === "request" && headers && !isInside
        ? propagation.extract(active, headers, { get: (all, key) => all.get(key) ?? undefined, keys: keysOf })
        : active;
    const begun = {
      request: { name: what, kind: isInside ? SpanKind.INTERNAL : SpanKind.SERVER },
      verb: { name: `${name} ${what}`, kind: SpanKind.INTERNAL },
      statement: { name: what, kind: SpanKind.CLIENT, attributes: { ...database, "db.query.summary": what } },
      run: { name: `${name} reply`, kind: SpanKind.INTERNAL, attributes: { "gen_ai.operation.name": "chat" } },
    }[kind];
    return { span: tracer.startSpan(begun.name, begun, parent), parent };
  }

  function measure({ kind, name: what }: Observed, took: number, attributes: Attributes, { run }: Outcome): void {
    if (kind === "request") requests.record(took, attributes);
    if (kind === "statement") statements.record(took, { ...database, "db.query.summary": what, ...attributes });
    if (!run) return;
    const about = { "gen_ai.operation.name": "chat", ...(run.model && { "gen_ai.request.model": run.model }) };
    runs.record(took, { ...about, "chatkeep.run.status": run.status, ...attributes });
    if (run.inputTokens) tokens.record(run.inputTokens, { ...about, "gen_ai.token.type": "input" });
    if (run.outputTokens) tokens.record(run.outputTokens, { ...about, "gen_ai.token.type": "output" });
  }

  return {
    begin: (what) => {
      const began = performance.now();
      const { span, parent } = start(what);
      const inside = trace.setSpan(parent, span);
      return {
        within: (work) => context.with(inside, work),
        end: (outcome = {}) => {
          const attributes = attributesOf(what, outcome);
          span.setAttributes({ ...attributes, ...(outcome.run && ofRun(outcome.run)) });
          if (outcome.route) span.updateName(`${what.name} ${outcome.route}`);
          if ("error.type" in attributes) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
          context.with(inside, () => measure(what, (performance.now() - began) / 1_000, attributes, outcome));
        },
      };
    },
  };
}

function keysOf(headers: Headers): string[] {
  return [...headers.keys()];
}

function attributesOf({ kind, name: method }: Observed, { error, status, route, run }: Outcome): Attributes {
  const failed = error !== undefined ? kindOfError(error) : (status ?? 0) >= 500 ? String(status) : undefined;
  const isFailed = run?.status === "failed" || run?.status === "interrupted" ? run.status : undefined;
  return {
    ...(kind === "request" && { "http.request.method": method, "url.scheme": "http" }),
    ...(route && { "http.route": route }),
    ...(status && { "http.response.status_code": status }),
    ...((failed ?? isFailed) && { "error.type": failed ?? isFailed }),
  };
}

function ofRun({ status, finishReason, model, ...counts }: RunOutcome): Attributes {
  return {
    "chatkeep.run.status": status,
    ...(model && { "gen_ai.request.model": model }),
    ...(finishReason && { "gen_ai.response.finish_reasons": [finishReason] }),
    ...(counts.inputTokens !== undefined && { "gen_ai.usage.input_tokens": counts.inputTokens }),
    ...(counts.outputTokens !== undefined && { "gen_ai.usage.output_tokens": counts.outputTokens }),
    ...(counts.cachedTokens !== undefined && { "gen_ai.usage.cache_read.input_tokens": counts.cachedTokens }),
  };
}
