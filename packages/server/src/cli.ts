#!/usr/bin/env node
/** The command chatkeep: reads arguments, prints sentences, sets the exit code. The work is in commands/, loaded when it is asked for. */
import { enableCompileCache } from "node:module";
import { ChatkeepError, type ErrorCode } from "chatkeep";
import { translate } from "chatkeep/internal";
import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";
import { sourceNames } from "./adopt/names.ts";
import { print } from "./cli-print.ts";
import { addUserCommands } from "./cli-users.ts";
import { environment } from "./commands/environment.ts";
import type { Finding } from "./commands/findings.ts";
import {
  adoptionInWords,
  diagnosisInWords,
  isPartial,
  keyInWords,
  productReportInWords,
  reportInWords,
} from "./commands/in-words.ts";
import type { KeyRequest } from "./commands/keys.ts";
import type { SqlRequest } from "./commands/sql.ts";
import { type Config, readConfig, readDatabaseConfig, takeEnvironment } from "./config.ts";
import { createLog, describe } from "./log.ts";
import { quickenImports } from "./quick-imports.ts";
import { type LineFormat, lineFormats } from "./transfer/file-formats.ts";
import { productNames } from "./transfer/formats/names.ts";
import { formats } from "./transfer/formats.ts";

// A quarter of the time of a start is compiling: kept for the next one.
enableCompileCache();
quickenImports();

// Before anything else is loaded, which would find settings of other applications in it.
const taken = takeEnvironment();

/** Of a dry run: neither what an error has, nor a mistake in the arguments. */
const pendingCode = 3;

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

interface MigrateFlags {
  rowLevelSecurity?: "on" | "off";
  distributed?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

program
  .command("migrate")
  .description("Bring the database to the schema of this version; safe when many start it at once")
  .addOption(
    new Option(
      "--row-level-security <switch>",
      "let the database itself refuse statements without an owner; left out: on in a new one, unless a superuser makes it",
    ).choices(["on", "off"]),
  )
  .option("--distributed", "spread the chats over the nodes of a Citus cluster, each with its user; they stay so")
  .option("--dry-run", `only say what it would do; exit ${pendingCode} if that is anything, 0 if not`)
  .option("--json", "print the result as JSON")
  .action(async ({ dryRun, json, ...settings }: MigrateFlags) => {
    const { migrateDatabase, planDatabase, planInWords } = await import("./commands/migrate.ts");
    if (dryRun) {
      const plan = await planDatabase(readDatabaseConfig(taken), settings);
      if (json) print(plan);
      else console.log(planInWords(plan));
      if (plan.pending.length > 0 || plan.rowLevelSecurity || plan.distributed) process.exitCode = pendingCode;
      return;
    }
    const onWait = (ms: number) =>
      console.error(`chatkeep: another process migrates this database: waiting (${Math.round(ms / 1000)} s).`);
    const { applied, ...switched } = await migrateDatabase(readDatabaseConfig(taken), settings, { onWait });
    if (json) print({ applied, ...switched });
    else console.log(applied.length > 0 ? `Applied ${applied.join(", ")}.` : "The database is up to date.");
    if (!json && switched.rowLevelSecurity) console.log(`Row-level security is ${switched.rowLevelSecurity}.`);
    if (!json && switched.distributed) console.log("The chats are spread over the cluster.");
  });

program
  .command("sql")
  .description("Print what migrate would run: what is pending where DATABASE_URL leads, all of it without that")
  .option("--all", "all of it, whatever DATABASE_URL says")
  .option("--from <name>", "from this migration on, whatever DATABASE_URL says")
  .option("--chat", "the chat tables alone, for an application that has users; --user-table or their ids are any text")
  .option("--user-table <name>", "the table of its users")
  .option("--user-schema <name>", "where that table is")
  .option("--user-column <name>", "its key (id)")
  .option("--user-type <type>", "the type of that: uuid, text, varchar, integer or bigint (uuid)")
  .option("--schema <name>", "where the chat tables are to be")
  .action(async (request: SqlRequest) => {
    const { writeSql } = await import("./commands/sql.ts");
    process.stdout.write(await writeSql(readDatabaseConfig(taken), request));
  });

program
  .command("doctor")
  .description(
    "Examine the database: engine, migrations, tables, keys, indexes, orphans, row counts, and what to mend with which statement; exit 1 if something is wrong",
  )
  .option("--json", "print the result as JSON")
  .option("--strict", "exit 1 also where there is only advice")
  .option("--erased <id>", "instead: prove that no row of any table names this user, conversation, message or run")
  .action(async ({ json, strict, erased }: { json?: boolean; strict?: boolean; erased?: string }) => {
    if (erased !== undefined) {
      const { findLeft, leftInWords } = await import("./commands/erased.ts");
      const left = await findLeft(readDatabaseConfig(taken), erased);
      if (json) print(left);
      else console.log(leftInWords(left));
      if (!left.isErased) process.exitCode = 1;
      return;
    }
    const { examine } = await import("./commands/doctor.ts");
    const diagnosis = await examine(readDatabaseConfig(taken));
    if (json) print(diagnosis);
    else console.log(diagnosisInWords(diagnosis));
    const isWrong = ({ level }: Finding) => strict || level === "wrong";
    if (diagnosis.checks.some(({ ok }) => !ok) || diagnosis.findings.some(isWrong)) process.exitCode = 1;
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
  .addOption(
    new Option(
      "--format <format>",
      "of one user the branch of each conversation that is shown, one on a line, as others read it",
    ).choices(lineFormats),
  )
  .action(async ({ user, output, format }: { user?: string; output?: string; format?: LineFormat }) => {
    const { exportUser } = await import("./commands/export.ts");
    // A reader that has had enough, such as head, is no failure.
    process.stdout.on("error", () => process.exit(0));
    await exportUser(readDatabaseConfig(taken), user, { file: output, format });
  });

program
  .command("restore")
  .description("Bring back an archive of export, as it was; what is there already is left as it is")
  .argument("<file>", "a ZIP that export has written")
  .option("--json", "print the report as JSON")
  .action(async (file: string, { json }: { json?: boolean }) => {
    const { restoreArchive, restoreInWords } = await import("./commands/restore.ts");
    const report = await restoreArchive(readDatabaseConfig(taken), file);
    if (json) print(report);
    else console.log(restoreInWords(report));
    if (report.failed.length > 0) process.exitCode = 1;
  });

program
  .command("mcp")
  .description("Offer the chats of a user, to read only, to a program that speaks MCP on standard input and output")
  .requiredOption("--user <email>", "whose")
  .action(async ({ user }: { user: string }) => {
    const { serveMcp } = await import("./commands/mcp.ts");
    await serveMcp(readDatabaseConfig(taken), user, taken["CHATKEEP_URL"]);
  });

addUserCommands(program, taken);

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
