/** What operators see: metrics, traces and slow statements, by names of our own, without what people say. */
import { randomUUID } from "node:crypto";
import { createApp, createAuth, createLog, createMetrics, createOfflineModel, partsOf } from "@chatkeep/server";
import { context, metrics as openMetrics, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { createStore, observers } from "chatkeep";
import { isOpenTelemetryOn, openTelemetryObserver } from "chatkeep/opentelemetry";
import { afterAll, beforeAll, expect, it } from "vitest";
import { models } from "../src/models/index.ts";
import { slowStatements } from "../src/slow-statements.ts";
import { openTestApp, type Person, personWith, type TestApp, testUrl } from "./helpers/app.ts";
import { until } from "./helpers/until.ts";

const secretWords = "walrus umbrella";
const token = "a token of the tests 1".replaceAll(" ", "-");
let test: TestApp;
let ann: Person;
const spans = new InMemorySpanExporter();
const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 });

beforeAll(async () => {
  test = await openTestApp();
  ann = await test.signUp("ann");
});
afterAll(async () => {
  await test.close();
  trace.disable();
  context.disable();
  openMetrics.disable();
  propagation.disable();
});

function observedApp() {
  const metrics = createMetrics();
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const observer = observers([metrics.observer, openTelemetryObserver(), slowStatements(log, 0)]);
  const { database: connection, db } = test;
  const store = createStore(connection, models, { partsOf, observer });
  const auth = createAuth({ db, secret: "a secret of the tests, long enough", url: testUrl, log });
  const model = createOfflineModel({ wordMs: 0 });
  const created = createApp({
    connection,
    db,
    store,
    auth,
    log,
    url: testUrl,
    model,
    observer,
    metrics: { metrics, token },
    quotas: [{ of: "tokens", per: "day", limit: 1_000_000 }],
  });
  return { ...created, lines, ...personWith(created.app, ann.token) };
}

it("without a registered SDK there are no traces, and without a token there are no metrics", async () => {
  expect(isOpenTelemetryOn()).toBe(false);
  const answer = await test.app.request("/metrics", { headers: { accept: "text/html" } });
  expect([answer.status, await answer.json()]).toEqual([
    404,
    { error: expect.objectContaining({ code: "not_found" }) },
  ]);
});

it("counts and traces requests, statements, verbs and replies, and says nothing of what was said", async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
  openMetrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  expect(isOpenTelemetryOn()).toBe(true);
  const app = observedApp();
  const id = `${secretWords} ${randomUUID()}`;
  const message = { id: randomUUID(), role: "user", parts: [{ type: "text", text: `What is a ${secretWords}?` }] };
  const answer = await app.request("POST", "/api/chat", { id, message });
  expect(await answer.text()).toContain("finish");
  expect((await app.request("GET", `/api/conversations/${encodeURIComponent(id)}/messages`)).status).toBe(200);
  expect((await app.request("GET", `/api/conversations/${secretWords.replace(" ", "-")}`)).status).toBe(404);
  expect((await app.request("PROPFIND", "/api/usage")).status).toBe(404);

  const read = (authorization?: string) =>
    app.app.request("/metrics", { headers: authorization ? { authorization } : {} });
  for (const wrong of [undefined, "Bearer no", `Basic ${token}`, `Bearer ${token}x`, `Bearer ${ann.token}`]) {
    expect([wrong, (await read(wrong)).status]).toEqual([wrong, 401]);
  }
  const text = await until(
    async () => await (await read(`Bearer ${token}`)).text(),
    (found) => found.includes('outcome="completed"'),
  );
  for (const line of [
    /^chatkeep_http_request_duration_seconds_count\{method="POST",route="\/api\/chat",status="200"\} 1$/m,
    /^chatkeep_http_request_duration_seconds_count\{method="GET",route="\/api\/conversations\/:id\/messages",status="200"\} 1$/m,
    /^chatkeep_http_request_duration_seconds_count\{method="GET",route="\/api\/conversations\/:id",status="404"\} 1$/m,
    /^chatkeep_http_request_duration_seconds_count\{method="_OTHER",route="[^"]+",status="404"\} 1$/m,
    /^chatkeep_statement_duration_seconds_count\{statement="begin_with_quotas"\} 1$/m,
    /^chatkeep_statement_duration_seconds_count\{statement="end_run"\} 1$/m,
    /^chatkeep_run_duration_seconds_count\{outcome="completed"\} 1$/m,
    /^chatkeep_runs_running 0$/m,
    /^chatkeep_tokens_total\{kind="output"\} [1-9]/m,
    /^chatkeep_open_streams\{kind="all"\} 0$/m,
    /^chatkeep_notifications_total\{way="sent"\} \d+$/m,
    /^process_resident_memory_bytes \d+$/m,
  ]) {
    expect(text).toMatch(line);
  }

  const found = spans.getFinishedSpans();
  const named = (name: string) => found.find((span) => span.name === name);
  const request = named("POST /api/chat");
  expect(request).toMatchObject({
    kind: 1,
    attributes: { "http.request.method": "POST", "http.route": "/api/chat", "http.response.status_code": 200 },
  });
  const parent = (span = named("")) =>
    found.find((each) => each.spanContext().spanId === span?.parentSpanContext?.spanId);
  expect(named("begin_with_quotas")?.attributes).toMatchObject({
    "db.system.name": "postgresql",
    "db.query.summary": "begin_with_quotas",
  });
  expect(parent(named("begin_with_quotas"))?.name).toBe("chatkeep runs.begin");
  expect(parent(named("chatkeep runs.begin"))).toBe(request);
  expect(named("chatkeep reply")?.attributes).toMatchObject({
    "chatkeep.run.status": "completed",
    "gen_ai.operation.name": "chat",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.output_tokens": expect.any(Number),
  });
  expect(parent(named("chatkeep reply"))).toBe(request);
  const missing = found.find(
    ({ name, attributes }) => name === "chatkeep conversations.get" && attributes["error.type"],
  );
  expect(missing).toMatchObject({ status: { code: 2 }, attributes: { "error.type": "not_found" } });

  await reader.forceFlush();
  const metered = JSON.stringify(exported.getMetrics());
  for (const name of ["http.server.request.duration", "db.client.operation.duration", "gen_ai.client.token.usage"]) {
    expect(metered).toContain(name);
  }
  expect(app.lines.join("")).toMatch(/"statement":"begin_with_quotas","ms":\d+,"msg":"a slow statement"/);
  const seen = [
    text,
    metered,
    ...found.map(({ name, attributes, events, status }) => JSON.stringify({ name, attributes, events, status })),
  ];
  for (const word of [...secretWords.split(" "), ann.id, ann.email]) expect(seen.join("\n")).not.toContain(word);
  expect(app.lines.filter((line) => line.includes("slow statement")).join("")).not.toContain("walrus");
  await app.close(0);
});

it("a quota is refused with the time to come again, and what was used is told", async () => {
  const app = observedApp();
  const mine = await app.call<{ items: object[] }>("GET", "/api/usage?by=model");
  expect(mine.items).toEqual([expect.objectContaining({ replies: 1, outputTokens: expect.any(Number) })]);
  expect(await app.call("GET", "/api/usage?by=conversation&after=2026-01-01")).toMatchObject({
    items: [{ replies: 1 }],
    nextCursor: null,
  });
  const midnight = expect.stringMatching(/T00:00:00\.000Z$/);
  expect(await app.call("GET", "/api/quotas")).toMatchObject({
    items: [{ of: "tokens", per: "day", renewsAt: midnight }],
  });
  const bad = await app.request("GET", "/api/usage?by=week");
  expect([bad.status, await bad.text()]).toEqual([
    422,
    expect.stringContaining("must be one of day, model, conversation"),
  ]);
  await app.close(0);
});
