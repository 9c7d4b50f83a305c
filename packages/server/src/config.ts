/** The one place that reads the environment: it becomes a frozen `Config`, or one sentence that says what to set. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { InvalidInputError, type Quota, runLeaseMs, limits as storeLimits } from "chatkeep";
import { isNeonUrl } from "chatkeep/neon";
import { z } from "zod";
import { type FilesConfig, fileSettings, filesOf } from "./config-files.ts";
import { filled, httpUrl, namesIn, numberIn, quotasIn, quotasRule } from "./config-lists.ts";
import { type MailOptions, mailOf, mailSettings } from "./config-mail.ts";
import { type ModelConfig, modelSettings, modelsOf } from "./config-models.ts";
import { oidcOf, oidcSettings } from "./config-oidc.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { Retention } from "./retention.ts";
import type { OidcOptions } from "./single-sign-on.ts";

export type { ModelConfig } from "./config-models.ts";

export type DatabaseConfig = (
  | { engine: "pglite"; dataDir: string }
  | { engine: "pg" | "neon"; url: string; replicaUrl?: string | undefined }
) & {
  /** Where the bytes of files are, if not in it. */
  files?: FilesConfig | undefined;
};

/** All settings, read and checked. */
export interface Config {
  port: number;
  host: string;
  /** The public address, without a slash at its end. */
  url: string;
  /** Other origins whose pages may ask `/v1`. */
  corsOrigins: readonly string[];
  database: DatabaseConfig;
  /** Undefined only with the embedded database, which keeps one of its own. */
  secret: string | undefined;
  /** Undefined: the built-in offline assistant. */
  model: ModelConfig | undefined;
  /** Whether the model names conversations after their first answer. */
  titles: boolean;
  /** What conversations may name in its place. */
  otherModels: readonly (ModelConfig | "offline")[];
  /** Whether X-Forwarded-For is set by a proxy of ours, and not by the client. */
  trustProxy: boolean;
  /** Set where people may begin without an account: after so many days without a sign of them they are removed. */
  anonymousDays: number | undefined;
  /** Who makes accounts: anybody, whoever is invited, or the operator alone. */
  signUp: "open" | "invited" | "closed";
  /** How mails leave; undefined: none do. */
  mail: MailOptions | undefined;
  /** By whom people sign in too; undefined: by nobody. */
  oidc: OidcOptions | undefined;
  /** Whether users may make links by which anybody reads a conversation. */
  sharing: boolean;
  /** For so many days what is deleted can be restored; 0: it is gone at once. */
  trashDays: number;
  /** After so many days without a change conversations are removed for good, and those in the archive after others. */
  retention: Retention;
  /** A reply whose server says nothing for so long is marked as interrupted. */
  runLeaseMs: number;
  /** What one user may take of a server. */
  limits: Limits;
  /** What each user may take of models and of the database. */
  quotas: readonly Quota[];
  /** Whoever shows it reads `/metrics`; undefined: there is no such route. */
  metricsToken: string | undefined;
  /** Statements that take so long are named in the log; 0: none is. */
  slowStatementMs: number;
  /** Of all files that the messages of one user name. */
  userFileBytes: number;
  logLevel: "debug" | "info" | "warn" | "error" | "silent";
}

export type Environment = Record<string, string | undefined>;

/** What the system and Node need, and no library takes for a setting of its own. */
const systemVariables =
  /^(PATH|PATHEXT|HOME|USERPROFILE|HOMEDRIVE|HOMEPATH|APPDATA|LOCALAPPDATA|PROGRAMDATA|SYSTEMROOT|WINDIR|COMSPEC|TMPDIR|TMP|TEMP|TZ|LANG|LANGUAGE|LC_\w+|TERM|COLORTERM|COLUMNS|NO_COLOR|FORCE_COLOR|CI|NODE_(?!ENV$|PG_)\w+|SSL_CERT_\w+|(HTTP|HTTPS|NO|ALL)_PROXY|LD_\w+|DYLD_\w+|V8_\w+)$/i;

/**
 * The environment of this process, for `readConfig` alone: from here on it is empty but for what the system needs. Better Auth,
 * the drivers and others read variables by themselves, which are set for another application on this machine.
 */
export function takeEnvironment(): Environment {
  const taken = { ...process.env };
  for (const name of Object.keys(taken)) if (!systemVariables.test(name)) delete process.env[name];
  process.env["NODE_ENV"] = "production";
  return taken;
}

const portRule = "must be a whole number from 0 to 65535";
const leaseRule = "must be a whole number from 2 to 600";
const daysRule = "must be a whole number from 1 to 3650";
const original =
  "must be an address without a path, such as https://chat.example.com: give chatkeep a host name of its own";

/** Where the web app is, which asks at the root of its address. */
const publicUrl = httpUrl.superRefine((text, { addIssue }) => {
  const url = URL.parse(text);
  if (!url) return;
  const refuse = (message: string) => addIssue({ code: "custom", message });
  if (url.username || url.password) refuse("must not have a user or a password in it: people see this address");
  else if (url.search || url.hash || /[?#]/.test(text)) refuse("must end after the host and its port, without ? and #");
  else if (url.pathname.replace(/\/+$/, "") !== "") refuse(original);
  else if (url.hostname.endsWith(".")) refuse("must have a host that does not end with a dot, as browsers name it");
  else if (/^(0\.0\.0\.0|\[::\])$/.test(url.hostname))
    refuse("must have a host that people can open, and not all addresses");
});

const databaseUrl = z.string().superRefine((text, { addIssue }) => {
  const refuse = (message: string) => addIssue({ code: "custom", message });
  // Where a socket is named after it, the host is left out, which addresses of the web cannot.
  const url = URL.parse(text.replace("@/", "@localhost/"));
  if (!/^postgres(ql)?:/.test(text)) return refuse("must begin with postgres://");
  if (!url || !isDecodable(text)) {
    return refuse(
      "cannot be read: write special characters of the password as %23 for #, %2F for /, %40 for @, %25 for %",
    );
  }
  if (!url.hostname && !url.searchParams.get("host"))
    return refuse("must name a host, such as postgres://user@localhost/chatkeep");
  if (!url.username && !url.searchParams.get("user"))
    return refuse("must name a user, such as postgres://user@localhost/chatkeep");
  if (url.pathname.length < 2) return refuse("must name a database, such as postgres://user@localhost/chatkeep");
  const sslMode = url.searchParams.get("sslmode") ?? "disable";
  if (!sslModes.includes(sslMode)) return refuse(`must have as its sslmode one of ${sslModes.join(", ")}`);
  for (const name of ["sslrootcert", "sslcert", "sslkey"]) {
    const file = url.searchParams.get(name);
    if (file && !existsSync(file)) return refuse(`names a file that is not there: ${name}=${file}`);
  }
});

const sslModes = ["disable", "prefer", "require", "verify-ca", "verify-full", "no-verify"];

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== "";
  } catch {
    return false;
  }
}

const number = (schema: z.ZodType<number>, preset: number) => z.preprocess((value) => numberIn(value, preset), schema);

const trashRule = "must be a whole number from 0 to 3650";
const retentionRule = "must be a whole number from 1 to 36500";
const retentionDays = z.preprocess(
  (value) => numberIn(value, undefined),
  z.int(retentionRule).min(1, retentionRule).max(36_500, retentionRule).optional(),
);

const isOrigin = (text: string) => /^https?:/.test(text) && URL.parse(text)?.origin === text;

const megabyte = 1024 * 1024;
const limitRule = "must be a whole number from 1 to 1000000000";
const limit = (preset: number) => number(z.int(limitRule).min(1, limitRule).max(1_000_000_000, limitRule), preset);

const tokenRule = "must have at least 16 characters, and no spaces, such as the output of: openssl rand -base64 32";
const slowRule = "must be a whole number from 0 to 600000";
const environmentSchema = z.object({
  CHATKEEP_STREAMS_PER_USER: limit(defaultLimits.streamsPerUser),
  CHATKEEP_REPLIES_PER_USER: limit(defaultLimits.repliesPerUser),
  CHATKEEP_ROWS_PER_HOUR: limit(defaultLimits.rowsPerHour),
  CHATKEEP_BODY_MEGABYTES_PER_USER: limit(defaultLimits.bodyBytesPerUser / megabyte),
  CHATKEEP_BODY_MEGABYTES: limit(defaultLimits.bodyBytes / megabyte),
  CHATKEEP_ANSWER_MEGABYTES_PER_USER: limit(defaultLimits.answerBytesPerUser / megabyte),
  CHATKEEP_ANSWER_MEGABYTES: limit(defaultLimits.answerBytes / megabyte),
  CHATKEEP_TRANSFERS_PER_USER: limit(defaultLimits.transfersPerUser),
  CHATKEEP_UPLOADS_PER_USER: limit(defaultLimits.uploadsPerUser),
  CHATKEEP_FILE_MEGABYTES_PER_USER: limit(storeLimits.userFileBytes / megabyte),
  PORT: number(z.int(portRule).min(0, portRule).max(65_535, portRule), 3000),
  CHATKEEP_LEASE_SECONDS: number(z.int(leaseRule).min(2, leaseRule).max(600, leaseRule), runLeaseMs / 1000),
  HOST: z.preprocess((value) => value || undefined, z.string().default("127.0.0.1")),
  DATABASE_URL: filled(databaseUrl),
  DATABASE_REPLICA_URL: filled(databaseUrl),
  CHATKEEP_DATA: z.preprocess((value) => value || undefined, z.string().default(".chatkeep")),
  CHATKEEP_SECRET: filled(
    z.string().min(32, "must have at least 32 characters, such as the output of: openssl rand -base64 32"),
  ),
  CHATKEEP_URL: filled(publicUrl),
  CHATKEEP_CORS_ORIGINS: filled(
    z
      .string()
      .refine(
        (text) => namesIn(text).every(isOrigin),
        "must be origins, such as https://app.example.com, with commas between",
      ),
  ),
  ...modelSettings,
  CHATKEEP_TITLES: z.preprocess(
    (value) => value || undefined,
    z.enum(["on", "off"], 'must be "on" or "off"').default("on"),
  ),
  CHATKEEP_TRUST_PROXY: z.preprocess(
    (value) => value || undefined,
    z.enum(["true", "false"], 'must be "true" or "false"').default("false"),
  ),
  CHATKEEP_ANONYMOUS: z.preprocess(
    (value) => value || undefined,
    z.enum(["on", "off"], 'must be "on" or "off"').default("off"),
  ),
  CHATKEEP_SIGN_UP: z.preprocess(
    (value) => value || undefined,
    z.enum(["open", "invited", "closed"], 'must be "open", "invited" or "closed"').default("open"),
  ),
  ...fileSettings,
  ...mailSettings,
  ...oidcSettings,
  CHATKEEP_SHARING: z.preprocess(
    (value) => value || undefined,
    z.enum(["on", "off"], 'must be "on" or "off"').default("on"),
  ),
  CHATKEEP_ANONYMOUS_DAYS: number(z.int(daysRule).min(1, daysRule).max(3_650, daysRule), 30),
  CHATKEEP_QUOTAS: filled(z.string().refine((text) => quotasIn(text) !== undefined, quotasRule)),
  CHATKEEP_METRICS_TOKEN: filled(z.string().regex(/^[\x21-\x7e]{16,}$/, tokenRule)),
  CHATKEEP_SLOW_STATEMENT_MS: number(z.int(slowRule).min(0, slowRule).max(600_000, slowRule), 1_000),
  CHATKEEP_TRASH_DAYS: number(z.int(trashRule).min(0, trashRule).max(3_650, trashRule), 30),
  CHATKEEP_RETENTION_DAYS: retentionDays,
  CHATKEEP_RETENTION_ARCHIVED_DAYS: retentionDays,
  CHATKEEP_LOG: z.preprocess(
    (value) => value || undefined,
    z
      .enum(["debug", "info", "warn", "error", "silent"], "must be one of debug, info, warn, error, silent")
      .default("info"),
  ),
});

/** `overrides` stand before the environment. @throws invalid_input with a sentence that names the variable */
export function readConfig(overrides: Environment = {}, environment: Environment = process.env): Config {
  const set = read({ ...environment, ...overrides });
  const database = databaseOf(set);
  if (database.engine !== "pglite" && !set.CHATKEEP_SECRET) {
    throw new InvalidInputError(
      "CHATKEEP_SECRET must be set when DATABASE_URL is, to the same text for every server: use the output of: openssl rand -base64 32.",
    );
  }
  return Object.freeze({
    port: set.PORT,
    host: set.HOST,
    url: set.CHATKEEP_URL ? new URL(set.CHATKEEP_URL).origin : localUrl(set.HOST, set.PORT),
    corsOrigins: set.CHATKEEP_CORS_ORIGINS ? namesIn(set.CHATKEEP_CORS_ORIGINS) : [],
    database,
    secret: set.CHATKEEP_SECRET,
    ...modelsOf(set),
    titles: set.CHATKEEP_TITLES === "on",
    runLeaseMs: set.CHATKEEP_LEASE_SECONDS * 1000,
    anonymousDays: set.CHATKEEP_ANONYMOUS === "on" ? set.CHATKEEP_ANONYMOUS_DAYS : undefined,
    signUp: set.CHATKEEP_SIGN_UP,
    mail: mailOf(set),
    oidc: oidcOf(set),
    sharing: set.CHATKEEP_SHARING === "on",
    trashDays: set.CHATKEEP_TRASH_DAYS,
    retention: { days: set.CHATKEEP_RETENTION_DAYS, archivedDays: set.CHATKEEP_RETENTION_ARCHIVED_DAYS },
    trustProxy: set.CHATKEEP_TRUST_PROXY === "true",
    limits: {
      streamsPerUser: set.CHATKEEP_STREAMS_PER_USER,
      repliesPerUser: set.CHATKEEP_REPLIES_PER_USER,
      rowsPerHour: set.CHATKEEP_ROWS_PER_HOUR,
      bodyBytesPerUser: set.CHATKEEP_BODY_MEGABYTES_PER_USER * megabyte,
      bodyBytes: set.CHATKEEP_BODY_MEGABYTES * megabyte,
      answerBytesPerUser: set.CHATKEEP_ANSWER_MEGABYTES_PER_USER * megabyte,
      answerBytes: set.CHATKEEP_ANSWER_MEGABYTES * megabyte,
      transfersPerUser: set.CHATKEEP_TRANSFERS_PER_USER,
      uploadsPerUser: set.CHATKEEP_UPLOADS_PER_USER,
    },
    quotas: quotasIn(set.CHATKEEP_QUOTAS ?? "") ?? [],
    metricsToken: set.CHATKEEP_METRICS_TOKEN,
    slowStatementMs: set.CHATKEEP_SLOW_STATEMENT_MS,
    userFileBytes: set.CHATKEEP_FILE_MEGABYTES_PER_USER * megabyte,
    logLevel: set.CHATKEEP_LOG,
  });
}

/** For commands that open the database and sign nothing. @throws invalid_input */
export function readDatabaseConfig(environment: Environment = process.env): DatabaseConfig {
  return databaseOf(read(environment));
}

function read(environment: Environment): z.output<typeof environmentSchema> {
  const result = environmentSchema.safeParse(environment);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InvalidInputError(`${issue?.path.join(".")} ${issue?.message}.`);
}

/** @throws invalid_input */
function databaseOf(set: z.output<typeof environmentSchema>): DatabaseConfig {
  const { DATABASE_URL: url, DATABASE_REPLICA_URL: replicaUrl, CHATKEEP_DATA: folder } = set;
  const files = filesOf(set);
  if (url) return { engine: isNeonUrl(url) ? "neon" : "pg", url, replicaUrl, files };
  if (!replicaUrl) return { engine: "pglite", dataDir: join(resolve(folder), "db"), files };
  throw new InvalidInputError(
    "DATABASE_REPLICA_URL is set without DATABASE_URL: set that to the primary of the replica.",
  );
}

/** All addresses of a machine are none that one could open: then it is the machine itself. */
function localUrl(host: string, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
