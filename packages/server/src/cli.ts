#!/usr/bin/env node
/** The command chatkeep: reads arguments, prints sentences, sets the exit code. The work is in commands/, loaded when it is asked for. */
import { enableCompileCache } from "node:module";
import { ChatkeepError, type ErrorCode } from "chatkeep";
import { translate } from "chatkeep/internal";
import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";
import type { AdoptReport } from "./adopt/adopt.ts";
import { sourceNames } from "./adopt/names.ts";
import type { Diagnosis } from "./commands/doctor.ts";
import type { KeyRequest } from "./commands/keys.ts";
import { type Config, readConfig, readDatabaseConfig, takeEnvironment } from "./config.ts";
import type { ApiKey } from "./keys.ts";
import { createLog, describe } from "./log.ts";
import type { ProductReport } from "./transfer/conversations.ts";
import { productNames } from "./transfer/formats/names.ts";
import { formats } from "./transfer/formats.ts";
import type { ImportReport } from "./transfer/import.ts";

// A quarter of the time of a start is compiling: kept for the next one.
enableCompileCache();

// Before anything else is loaded, which would find settings of other applications in it.
const taken = takeEnvironment();

const environment = `
Environment:
  PORT, HOST               where to listen (3000, 127.0.0.1)
  DATABASE_URL             postgres://…; unset: an embedded database
  CHATKEEP_DATA            folder of the embedded database (.chatkeep)
  CHATKEEP_SECRET          signs sessions; required with DATABASE_URL
  CHATKEEP_URL             the public address (http://HOST:PORT)
  CHATKEEP_MODEL           a model's name; unset: the offline assistant
  OPENAI_API_KEY           key of the model's endpoint
  OPENAI_BASE_URL          any OpenAI-compatible endpoint
  CHATKEEP_MODELS          others of its endpoint that a conversation may name, with commas between
  CHATKEEP_PROVIDERS       further endpoints, as JSON: [{"baseUrl":"…","apiKey":"…","models":["…"]}]
  CHATKEEP_TITLES          "off": the model does not name conversations after their first answer (on)
  CHATKEEP_MODEL_WITHOUT   what it does not take: tools, system, reasoning, stream_options, files
  CHATKEEP_MODEL_HISTORY   about how many tokens of a conversation it is given (16000)
  CHATKEEP_LEASE_SECONDS   after which a reply of a silent server is marked as interrupted (15)
  CHATKEEP_STREAMS_PER_USER, CHATKEEP_REPLIES_PER_USER, CHATKEEP_ROWS_PER_HOUR,
  CHATKEEP_BODY_MEGABYTES_PER_USER, CHATKEEP_ANSWER_MEGABYTES_PER_USER, CHATKEEP_TRANSFERS_PER_USER
                           what one user may take of a server (200, 32, 1000000, 64, 128, 2)
  CHATKEEP_BODY_MEGABYTES, CHATKEEP_ANSWER_MEGABYTES
                           and all of them together (256, 512)
  CHATKEEP_ANONYMOUS       "on": people may begin without an account (off)
  CHATKEEP_ANONYMOUS_DAYS  after which such a user is removed who does nothing (30)
  CHATKEEP_TRUST_PROXY     "true" when a proxy of yours sets X-Forwarded-For
  CHATKEEP_LOG             debug, info, warn, error or silent (info)`;

const program = new Command("chatkeep")
  .description("The place where AI chatbots keep their conversations")
  .version("0.1.0")
  .showHelpAfterError("Run with --help to see what there is.")
  .addHelpText("after", environment);

program
  .command("serve")
  .description("Serve the web app and the HTTP API")
  .option("-p, --port <number>", "instead of PORT")
  .option("--host <address>", "instead of HOST")
  .addHelpText("after", environment)
  .action(async (options: { port?: string; host?: string }) => {
    const config = readConfig(
      {
        ...(options.port !== undefined && { PORT: options.port }),
        ...(options.host !== undefined && { HOST: options.host }),
      },
      taken,
    );
    await runServer(config);
  });

program
  .command("migrate")
  .description("Bring the database to the schema of this version; safe when many start it at once")
  .addOption(
    new Option("--row-level-security <switch>", "let the database itself refuse statements without an owner").choices([
      "on",
      "off",
    ]),
  )
  .option("--json", "print the result as JSON")
  .action(async ({ rowLevelSecurity, json }: { rowLevelSecurity?: "on" | "off"; json?: boolean }) => {
    const { migrateDatabase } = await import("./commands/migrate.ts");
    const onWait = (ms: number) =>
      console.error(`chatkeep: another process migrates this database: waiting (${Math.round(ms / 1000)} s).`);
    const applied = await migrateDatabase(readDatabaseConfig(taken), rowLevelSecurity, { onWait });
    if (json) print({ applied });
    else console.log(applied.length > 0 ? `Applied ${applied.join(", ")}.` : "The database is up to date.");
  });

program
  .command("doctor")
  .description(
    "Examine the database: engine, migrations, tables, keys, indexes, orphans, row counts; exit 1 if something is wrong",
  )
  .option("--json", "print the result as JSON")
  .action(async ({ json }: { json?: boolean }) => {
    const { examine } = await import("./commands/doctor.ts");
    const diagnosis = await examine(readDatabaseConfig(taken));
    if (json) print(diagnosis);
    else console.log(inWords(diagnosis));
    if (diagnosis.checks.some(({ ok }) => !ok)) process.exitCode = 1;
  });

program
  .command("import")
  .description("Import conversations; importing again, also after it was broken off, brings in what is missing")
  .argument("<file>", "a file (JSON, JSON lines, CSV, ZIP), or a folder of such files")
  .requiredOption("--user <email>", "whose conversations they become")
  .option(
    "--format <format>",
    `one of: ${formats.join(", ")}; without it, each file is known by its shape: ${productNames}`,
  )
  .option("--json", "print the report as JSON")
  .action(async (file: string, options: { user: string; format?: string; json?: boolean }) => {
    const bar = new SingleBar({
      format: "{bar} {percentage}% | {eta_formatted} left",
      stream: process.stderr,
      clearOnComplete: true,
    });
    if (process.stderr.isTTY) bar.start(1, 0);
    try {
      const onProgress = (bytes: number, total: number) => {
        bar.setTotal(total);
        bar.update(bytes);
      };
      const { importFile } = await import("./commands/import.ts");
      const report = await importFile(readDatabaseConfig(taken), { ...options, file, onProgress });
      bar.stop();
      if (options.json) print(report);
      else console.log("faults" in report ? productReportInWords(report) : reportInWords(report));
      if (report.failed > 0 || ("faults" in report && isPartial(report))) process.exitCode = 1;
    } finally {
      bar.stop();
    }
  });

interface AdoptFlags {
  schema: string;
  user?: string;
  apply?: boolean;
  json?: boolean;
}

program
  .command("adopt")
  .description(
    "Take over what another product has kept in the same database; without --apply it only says what it would do",
  )
  .argument("[source]", `one of: ${sourceNames}; all whose tables are there when left out`)
  .option("--schema <name>", "where their tables are", "public")
  .option("--user <email>", "whose the conversations become, where the tables name no owner, or another one")
  .option("--apply", "bring them in; again changes nothing")
  .option("--json", "print the report as JSON")
  .action(async (source: string | undefined, options: AdoptFlags) => {
    const { adoptTables } = await import("./commands/adopt.ts");
    const { schema, user, apply = false, json } = options;
    const bar = new SingleBar({ format: "{value} conversations", stream: process.stderr, clearOnComplete: true });
    if (process.stderr.isTTY) bar.start(1, 0);
    try {
      const onProgress = (count: number) => bar.update(count);
      const reports = await adoptTables(readDatabaseConfig(taken), { source, schema, user, apply, onProgress });
      bar.stop();
      if (json) print(reports);
      else for (const report of reports) console.log(adoptionInWords(report, apply));
      if (reports.some(({ failed }) => failed.length > 0)) process.exitCode = 1;
    } finally {
      bar.stop();
    }
  });

program
  .command("export")
  .description("Write everything of a user, or of all users, as an archive or as JSON lines")
  .option("--user <email>", "whose; without it, everybody's, which only an archive can be")
  .option("-o, --output <file>", "a file, an archive when it ends with .zip; without it, JSON lines on standard output")
  .action(async ({ user, output }: { user?: string; output?: string }) => {
    const { exportUser } = await import("./commands/export.ts");
    // A reader that has had enough, such as head, is no failure.
    process.stdout.on("error", () => process.exit(0));
    await exportUser(readDatabaseConfig(taken), user, output);
  });

program
  .command("restore")
  .description("Bring back an archive of export, as it was; what is there already is left as it is")
  .argument("<file>", "a ZIP that export has written")
  .option("--json", "print the report as JSON")
  .action(async (file: string, { json }: { json?: boolean }) => {
    const { restoreArchive } = await import("./commands/restore.ts");
    const report = await restoreArchive(readDatabaseConfig(taken), file);
    if (json) print(report);
    else {
      const { users, conversations, messages, alreadyThere } = report;
      console.log(
        `${users} users: ${conversations} conversations with ${messages} messages, ${alreadyThere} were there.`,
      );
    }
  });

program
  .command("mcp")
  .description("Offer the chats of a user, to read only, to a program that speaks MCP on standard input and output")
  .requiredOption("--user <email>", "whose")
  .action(async ({ user }: { user: string }) => {
    const { serveMcp } = await import("./commands/mcp.ts");
    await serveMcp(readDatabaseConfig(taken), user, taken["CHATKEEP_URL"]);
  });

const keys = program.command("keys").description("API keys of a user: for programs, in place of signing in");

keys
  .command("create")
  .description("Make a key, and print it: it is shown this once")
  .requiredOption("--user <email>", "whose")
  .requiredOption("--name <name>", "what it is for")
  .option("--read-only", "it may change nothing")
  .option("--expires-in <days>", "such as 90d; without it, never")
  .option("--json", "print all of it as JSON")
  .action(async ({ json, ...request }: KeyRequest & { json?: boolean }) => {
    const { makeKey } = await import("./commands/keys.ts");
    const made = await makeKey(readDatabaseConfig(taken), request);
    if (json) print(made);
    else console.log(made.key);
  });

keys
  .command("list")
  .description("List the keys of a user, without the keys themselves")
  .requiredOption("--user <email>", "whose")
  .option("--json", "print the list as JSON")
  .action(async ({ user, json }: { user: string; json?: boolean }) => {
    const { keysOf } = await import("./commands/keys.ts");
    const list = await keysOf(readDatabaseConfig(taken), user);
    if (json) print(list);
    else console.log(list.map(keyInWords).join("\n") || "There is none.");
  });

keys
  .command("revoke")
  .description("End a key; servers that run refuse it within five seconds")
  .argument("<id>", "the id that list shows")
  .requiredOption("--user <email>", "whose")
  .action(async (id: string, { user }: { user: string }) => {
    const { endKey } = await import("./commands/keys.ts");
    await endKey(readDatabaseConfig(taken), user, id);
    console.log("The key is not valid any more.");
  });

const exitCodes: Partial<Record<ErrorCode, number>> = { invalid_input: 2 };

try {
  await program.parseAsync();
} catch (thrown) {
  const error = translate(thrown);
  console.error(`chatkeep: ${sentenceOf(error)}`);
  if (taken["CHATKEEP_LOG"] === "debug") console.error(describe(error));
  process.exitCode = error instanceof ChatkeepError ? (exitCodes[error.code] ?? 1) : 1;
}

/** With the place that the system names, which the sentence itself does not tell to strangers. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof ChatkeepError)) {
    const { name, code, message } = error as { name?: string; code?: string; message?: string };
    const what = describe(error).message === undefined ? (code ?? name) : message;
    return `Something went wrong that has no words of its own (${what}): CHATKEEP_LOG=debug tells where.`;
  }
  const { cause } = error;
  const first = (cause instanceof AggregateError ? cause.errors[0] : cause) as NodeJS.ErrnoException & Place;
  const place = first?.address ? `${first.address}:${first.port}` : first?.hostname;
  return place ? `${error.message} (${first.code} ${place})` : error.message;
}

interface Place {
  address?: string;
  port?: number;
  hostname?: string;
}

async function runServer(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const { serve } = await import("./commands/serve.ts");
  const serving = await serve(config, log);
  console.error(`\n  chatkeep is ready: ${serving.url}\n`);
  if (!config.model)
    console.error("  The offline assistant answers; set CHATKEEP_MODEL for a real one. Stop with Ctrl+C.\n");
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    serving.close().catch((error: unknown) => {
      log.error({ error }, "could not stop cleanly");
      console.error(`chatkeep: ${sentenceOf(translate(error))}`);
      process.exit(1);
    });
  };
  // A mistake that nobody has caught: what is being written gets its time, and whoever watches starts the server anew.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error) => {
      log.error({ error }, "a mistake that nobody caught: the server stops");
      process.exitCode = 1;
      if (!stopping) stop();
    });
  }
  process.on("SIGTERM", stop);
  // Started by a process that waits for it: the server ends when that one is gone.
  process.on("disconnect", stop);
  process.channel?.unref();
  process.on("SIGINT", stop);
}

function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

function inWords({ engine, version, checks, rows }: Diagnosis): string {
  const lines = checks.map(({ name, ok, found }) => `${ok ? "ok   " : "WRONG"}  ${name}: ${found}`);
  const counts = Object.entries(rows).map(([name, count]) => `${name} ${count}`);
  return [`${engine}: ${version}`, ...lines, ...(counts.length > 0 ? [`rows: ${counts.join(", ")}`] : [])].join("\n");
}

function keyInWords({ id, name, start, isReadOnly, expiresAt, lastUsedAt }: ApiKey): string {
  const end = expiresAt ? `${expiresAt < new Date() ? "expired" : "until"} ${expiresAt.toISOString()}` : "no end";
  const use = lastUsedAt ? `used ${lastUsedAt.toISOString()}` : "not used";
  return `${id}  ${start}…  ${isReadOnly ? "read only" : "read and write"}  ${end}  ${use}  ${name}`;
}

function adoptionInWords(report: AdoptReport, isApplied: boolean): string {
  const { source, tables, conversations, messages, imported, owners, newAccounts, leftOut, failed } = report;
  const accounts = newAccounts > 0 ? `, ${newAccounts} of whom ${isApplied ? "got" : "would get"} an account` : "";
  return [
    `${source} (${tables.join(", ")}): ${conversations} conversations of ${owners} owners${accounts}, ${messages} messages.`,
    ...leftOut.map(
      ({ conversationId, messageId, reason }) => `  ${conversationId} ${messageId ?? ""}: left out: ${reason}`,
    ),
    ...failed.map(({ conversationId, error }) => `  ${conversationId}: ${error}`),
    isApplied
      ? `  ${imported} messages were brought in; the others were there.`
      : "  Nothing was changed: --apply brings them in.",
  ].join("\n");
}

/** Something is wrong with the files, or there was nothing in them. */
function isPartial({ faults, conversations }: ProductReport): boolean {
  return faults.length > 0 || conversations.length === 0;
}

function productReportInWords(report: ProductReport): string {
  const lines = report.conversations.flatMap(({ file, number, outcome, messages, error, leftOut }) => [
    `${file} ${number}: ${outcome}${messages ? `, ${messages} messages` : ""}${error ? `: ${error}` : ""}`,
    ...leftOut.map(({ messageId, reason }) => `  left out${messageId ? ` of message ${messageId}` : ""}: ${reason}`),
  ]);
  for (const { file, fault } of report.faults) lines.push(`${file}: ${fault}`);
  for (const { file, reason } of report.skipped) lines.push(`${file}: left out: ${reason}`);
  return [...lines, sumOf(report)].join("\n");
}

function sumOf({ imported, messages, alreadyThere, failed }: Omit<ImportReport, "conversations">): string {
  return `${imported} conversations imported with ${messages} messages, ${alreadyThere} already there, ${failed} failed.`;
}

function reportInWords(report: ImportReport): string {
  const { conversations, omitted, stopped } = report;
  const lines = conversations.map(
    ({ line, source, outcome, messages: count, error }) =>
      `line ${line}: ${source ?? "?"}: ${outcome}${count ? `, ${count} messages` : ""}${error ? `: ${error}` : ""}`,
  );
  if (omitted) lines.push(`and ${omitted} lines more`);
  if (stopped) lines.push(stopped);
  return [...lines, sumOf(report)].join("\n");
}
