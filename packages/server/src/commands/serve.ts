/** chatkeep serve: the server, from its start to the end of its last reply. */
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import {
  ChatkeepError,
  InvalidInputError,
  migrate,
  type Observer,
  observers,
  requireMigrated,
  UnavailableError,
} from "chatkeep";
import { createApp } from "../app.ts";
import { createModel } from "../assistant/model.ts";
import { createAuth } from "../auth.ts";
import type { Config } from "../config.ts";
import { faultOfReplica, type OpenDatabase, openDatabase, openStore, secretOf } from "../database.ts";
import { forgetLockedKeys } from "../jwt.ts";
import { createLog, type Log } from "../log.ts";
import { createLogMailer, createMailer } from "../mail.ts";
import { migrations } from "../migrations.generated.ts";
import { partsOf } from "../parts-of.ts";
import { slowStatements } from "../slow-statements.ts";
import { startWatchdog } from "./watchdog.ts";

export interface Serving {
  url: string;
  /** Finishes what runs, for at most `graceMs`, then closes the database. */
  close(graceMs?: number): Promise<void>;
}

/** For a request to arrive, with its body. */
const requestMs = 60_000;
const defaultGraceMs = 25_000;
/** After that, for the last words to the database. */
const lastMs = 3_000;

/** Starts the server. @throws a ChatkeepError whose sentence says what to set */
export async function serve(config: Config, log = createLog(config.logLevel)): Promise<Serving> {
  const connection = await openDatabase(config.database);
  try {
    if (connection.engine === "pglite") {
      await migrate(connection, migrations);
      // No other process can hold this folder, so whatever is marked as running is not.
      await (await openServerStore(config, connection)).system.interruptRuns("all");
    } else {
      await requireMigrated(connection, migrations);
    }
    return await listen(config, connection, log);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function openServerStore(
  { runLeaseMs, trashDays, userFileBytes }: Config,
  connection: OpenDatabase,
  observer?: Observer,
) {
  return openStore(connection, { runLeaseMs, partsOf, trashDays, userFileBytes, observer });
}

/** Each is loaded where it is asked for. */
async function observing({ metricsToken, slowStatementMs }: Config, connection: OpenDatabase, log: Log) {
  const all: Observer[] = slowStatementMs > 0 ? [slowStatements(log, slowStatementMs)] : [];
  const traces = await import("chatkeep/opentelemetry").catch(() => undefined);
  if (traces?.isOpenTelemetryOn()) all.push(traces.openTelemetryObserver());
  const metrics = metricsToken ? (await import("../metrics.ts")).createMetrics() : undefined;
  if (metrics) all.push(metrics.observer);
  const { countConnections } = connection;
  if (countConnections) {
    const help = "Connections to the database, and who waits for one.";
    metrics?.gauge("chatkeep_pool_connections", help, "state", countConnections);
  }
  const observer = all.length > 1 ? observers(all) : all[0];
  return { observer, metrics: metrics && metricsToken ? { metrics, token: metricsToken } : undefined };
}

/** A place that does not answer holds up nobody but those with files. */
async function tryFiles({ fileStorage }: OpenDatabase, log: Log): Promise<void> {
  await fileStorage?.get(`${"0".repeat(8)}/0`).catch((error: unknown) => {
    log.warn({ reason: String(error) }, "the place of CHATKEEP_FILES does not answer: files cannot be stored or read");
  });
}

/** Whatever it answers, everything can be read. */
async function tryReplica({ replica }: OpenDatabase, log: Log): Promise<void> {
  const wrong = replica && (await faultOfReplica(replica));
  if (wrong) log.warn(`DATABASE_REPLICA_URL ${wrong}: until that is mended DATABASE_URL is read`);
}

async function listen(config: Config, connection: OpenDatabase, log: Log): Promise<Serving> {
  const { db } = connection;
  const secret = secretOf(config);
  await forgetLockedKeys({ db, secret, log });
  const { observer, metrics } = await observing(config, connection, log);
  const store = await openServerStore(config, connection, observer);
  const mailer = config.mail
    ? createMailer(config.mail, log)
    : connection.engine === "pglite"
      ? createLogMailer(log)
      : undefined;
  const auth = createAuth({
    db,
    store,
    secret,
    url: config.url,
    log,
    anonymousDays: config.anonymousDays,
    signUp: config.signUp,
    mailer,
    oidc: config.oidc,
    isFirstAdmin: connection.engine === "pglite",
  });
  const { app, close, start } = createApp({
    connection,
    db,
    store,
    auth,
    model: createModel(config.model),
    models: config.otherModels.map((each) => createModel(each === "offline" ? undefined : each)),
    titles: config.titles,
    ...(config.model === undefined && config.otherModels.length === 0 && { modelSecret: secret }),
    log,
    url: config.url,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    anonymousDays: config.anonymousDays,
    sharing: config.sharing,
    retention: config.retention,
    limits: config.limits,
    quotas: config.quotas,
    observer,
    metrics,
    isAlone: connection.engine === "pglite",
  });
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: { requestTimeout: requestMs } });
  try {
    await start();
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(cannotListen(error, config)));
      server.listen(config.port, config.host, resolve);
    });
  } catch (error) {
    // What the app does by itself would be tried again and again on a closed database, and keep the process from ending.
    await inTime(lastMs, async () => {
      await close(0);
      await mailer?.close();
    }).catch(() => {});
    throw error;
  }
  void tryFiles(connection, log);
  void tryReplica(connection, log);
  const { port } = server.address() as AddressInfo;
  const watchdog = startWatchdog();
  log.info(
    { port, host: config.host, engine: connection.engine, model: config.model?.name ?? config.model?.id ?? "offline" },
    "serving",
  );
  return {
    url: config.port === 0 ? config.url.replace(/:0$/, `:${port}`) : config.url,
    close: async (graceMs = defaultGraceMs) => {
      const cut = () => "closeAllConnections" in server && server.closeAllConnections();
      try {
        await inTime(graceMs + lastMs, async () => {
          const closed = new Promise<void>((resolve) => server.close(() => resolve()));
          if ("closeIdleConnections" in server) server.closeIdleConnections();
          await close(graceMs);
          setTimeout(cut, 500).unref();
          await closed;
          await mailer?.close();
          await connection.close();
        });
      } finally {
        cut();
        void connection.close();
        await watchdog.stop();
      }
      log.info("stopped");
    },
  };
}

/** Whatever is waited for: the process that asked for the end does not wait longer. */
async function inTime(ms: number, work: () => Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const sentence = `The server did not end within ${Math.round(ms / 1000)} seconds, because the database does not answer: replies that were being written are kept as far as they were stored.`;
  const timer = setTimeout(() => late.reject(new UnavailableError(sentence)), ms);
  await Promise.race([work(), late.promise]).finally(() => clearTimeout(timer));
}

function cannotListen(error: Error & { code?: string }, { port, host }: Config): Error {
  if (error.code === "EADDRINUSE") {
    return new InvalidInputError(`Port ${port} on ${host} is in use: stop what uses it, or set PORT to another.`);
  }
  if (error.code === "EACCES") {
    return new InvalidInputError(`Port ${port} may not be opened by this user: set PORT to one above 1023.`);
  }
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND") {
    return new InvalidInputError(
      `HOST ${host} is no address of this machine: set it to 127.0.0.1, or to 0.0.0.0 for all.`,
    );
  }
  return new ChatkeepError("internal", `The server could not listen on ${host}:${port}.`, { cause: error });
}
