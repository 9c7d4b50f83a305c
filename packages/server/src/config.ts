/** The one place that reads the environment: it becomes a frozen `Config`, or one sentence that says what to set. */
import { join, resolve } from "node:path";
import { InvalidInputError, runLeaseMs } from "chatkeep";
import { isNeonUrl } from "chatkeep/neon";
import { z } from "zod";
import { type Omission, omissions } from "./assistant/omissions.ts";

export type DatabaseConfig = { engine: "pglite"; dataDir: string } | { engine: "pg" | "neon"; url: string };

export interface ModelConfig {
  id: string;
  baseUrl: string;
  apiKey: string | undefined;
  /** What its endpoint does not take. */
  without?: readonly Omission[];
  /** About how many tokens of a conversation it is given; 16,000 when left out. */
  historyTokens?: number;
}

export interface Config {
  port: number;
  host: string;
  /** The public address, without a slash at its end. */
  url: string;
  database: DatabaseConfig;
  /** Undefined only with the embedded database, which keeps one of its own. */
  secret: string | undefined;
  /** Undefined: the built-in offline assistant. */
  model: ModelConfig | undefined;
  /** Whether X-Forwarded-For is set by a proxy of ours, and not by the client. */
  trustProxy: boolean;
  /** A reply whose server says nothing for so long is marked as interrupted. */
  runLeaseMs: number;
  logLevel: "debug" | "info" | "warn" | "error" | "silent";
}

type Environment = Record<string, string | undefined>;

const portRule = "must be a whole number from 0 to 65535";
const leaseRule = "must be a whole number from 2 to 600";
const historyRule = "must be a whole number from 500 to 1000000";
const openAi = "https://api.openai.com/v1";
const filled = (text: z.ZodString) => z.preprocess((value) => (value === "" ? undefined : value), text.optional());
const httpUrl = z
  .string()
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be an http address");

const number = (schema: z.ZodType<number>, preset: number) =>
  z.preprocess((value) => (value ? Number(value) : preset), schema);

const namesIn = (text: string) => text.split(",").map((name) => name.trim());
const isOmission = (name: string): name is Omission => omissions.some((each) => each === name);

const environmentSchema = z.object({
  PORT: number(z.int(portRule).min(0, portRule).max(65_535, portRule), 3000),
  CHATKEEP_LEASE_SECONDS: number(z.int(leaseRule).min(2, leaseRule).max(600, leaseRule), runLeaseMs / 1000),
  HOST: z.preprocess((value) => value || undefined, z.string().default("127.0.0.1")),
  DATABASE_URL: filled(
    z
      .string()
      .refine((text) => /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? ""), "must begin with postgres://"),
  ),
  CHATKEEP_DATA: z.preprocess((value) => value || undefined, z.string().default(".chatkeep")),
  CHATKEEP_SECRET: filled(
    z.string().min(32, "must have at least 32 characters, such as the output of: openssl rand -base64 32"),
  ),
  CHATKEEP_URL: filled(httpUrl),
  CHATKEEP_MODEL: filled(z.string()),
  CHATKEEP_MODEL_WITHOUT: filled(
    z
      .string()
      .refine((text) => namesIn(text).every(isOmission), `must be any of ${omissions.join(", ")}, with commas between`),
  ),
  CHATKEEP_MODEL_HISTORY: z.preprocess(
    (value) => (value ? Number(value) : undefined),
    z.int(historyRule).min(500, historyRule).max(1_000_000, historyRule).optional(),
  ),
  OPENAI_API_KEY: filled(z.string()),
  OPENAI_BASE_URL: filled(httpUrl),
  CHATKEEP_TRUST_PROXY: z.preprocess(
    (value) => value || undefined,
    z.enum(["true", "false"], 'must be "true" or "false"').default("false"),
  ),
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
  const database = databaseOf(set.DATABASE_URL, set.CHATKEEP_DATA);
  if (database.engine !== "pglite" && !set.CHATKEEP_SECRET) {
    throw new InvalidInputError(
      "CHATKEEP_SECRET must be set when DATABASE_URL is, to the same text for every server: use the output of: openssl rand -base64 32.",
    );
  }
  return Object.freeze({
    port: set.PORT,
    host: set.HOST,
    url: (set.CHATKEEP_URL ?? localUrl(set.HOST, set.PORT)).replace(/\/+$/, ""),
    database,
    secret: set.CHATKEEP_SECRET,
    model: modelOf(set),
    runLeaseMs: set.CHATKEEP_LEASE_SECONDS * 1000,
    trustProxy: set.CHATKEEP_TRUST_PROXY === "true",
    logLevel: set.CHATKEEP_LOG,
  });
}

/** For commands that open the database and sign nothing. @throws invalid_input */
export function readDatabaseConfig(environment: Environment = process.env): DatabaseConfig {
  const { DATABASE_URL, CHATKEEP_DATA } = read(environment);
  return databaseOf(DATABASE_URL, CHATKEEP_DATA);
}

function read(environment: Environment): z.output<typeof environmentSchema> {
  const result = environmentSchema.safeParse(environment);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InvalidInputError(`${issue?.path.join(".")} ${issue?.message}.`);
}

function databaseOf(url: string | undefined, folder: string): DatabaseConfig {
  if (!url) return { engine: "pglite", dataDir: join(resolve(folder), "db") };
  return { engine: isNeonUrl(url) ? "neon" : "pg", url };
}

/** All addresses of a machine are none that one could open: then it is the machine itself. */
function localUrl(host: string, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function modelOf(set: z.output<typeof environmentSchema>): ModelConfig | undefined {
  const { CHATKEEP_MODEL: id, OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: baseUrl } = set;
  const { CHATKEEP_MODEL_WITHOUT: without, CHATKEEP_MODEL_HISTORY: historyTokens } = set;
  if (!id) return undefined;
  if (!apiKey && !baseUrl) {
    throw new InvalidInputError(
      "OPENAI_API_KEY must be set when CHATKEEP_MODEL is, or OPENAI_BASE_URL to an endpoint that needs no key.",
    );
  }
  return {
    id,
    apiKey,
    baseUrl: (baseUrl ?? openAi).replace(/\/+$/, ""),
    ...(without && { without: namesIn(without).filter(isOmission) }),
    ...(historyTokens && { historyTokens }),
  };
}
