/**
 * The endpoint that an administrator has connected in the app, where the environment names none: tried before it is kept, and kept
 * encrypted. Every server on the database asks for it again from time to time.
 */
import { streamText } from "ai";
import { symmetricDecrypt, symmetricEncrypt } from "better-auth/crypto";
import { InvalidInputError } from "chatkeep";
import { eq, sql } from "drizzle-orm";
import { z } from "zod";
import { httpUrl } from "../config-lists.ts";
import { withoutSlash } from "../config-models.ts";
import type { Database } from "../database.ts";
import type { Log } from "../log.ts";
import { setting } from "../models/index.ts";
import { createModel } from "./model.ts";
import { failureOf } from "./model-errors.ts";
import type { Models } from "./models.ts";

const max = { models: 50, name: 255, key: 4_000 };
const testMs = 30_000;
const settingName = "model";
/** As often other servers hear of a change. */
const readAgainMs = 10_000;

const text = (most: number) =>
  z.string("must be a text").trim().min(1, "must not be empty").max(most, `must have at most ${most} characters`);

export const connectionSchema = z.strictObject({
  baseUrl: z.string("must be an http address").trim().max(2_000, "must have at most 2000 characters").pipe(httpUrl),
  /** Left out: the one that is kept already, if there is one. */
  apiKey: text(max.key).nullable().optional(),
  /** The first one answers where a conversation names none. */
  models: z
    .array(text(max.name), "must be a list of names")
    .min(1, "must name at least one model")
    .max(max.models, `must name at most ${max.models} models`),
});

type ModelConnection = z.output<typeof connectionSchema>;

/** What is told of it: never the key. */
interface ShownConnection {
  baseUrl: string;
  models: string[];
  hasKey: boolean;
}

export interface ConnectedModelOptions {
  db: Database;
  secret: string;
  models: Models;
  log: Log;
  /** No other server is on this database. */
  isAlone: boolean;
}

export interface ConnectedModel {
  read(): Promise<ShownConnection | undefined>;
  /** Asks the first of its models something. @throws invalid_input with what the endpoint said */
  test(given: ModelConnection): Promise<{ answer: string }>;
  /** Tries it, and keeps it. @throws as test */
  connect(given: ModelConnection): Promise<ShownConnection>;
  /** The offline assistant answers again. */
  disconnect(): Promise<void>;
  /** Takes what is kept, and what other servers keep from now on. */
  start(): Promise<void>;
  stop(): void;
}

export function createConnectedModel({ db, secret, models, log, isAlone }: ConnectedModelOptions): ConnectedModel {
  let taken: string | undefined;
  let warnedOf: string | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  async function kept(): Promise<{ stored: string; connection: ModelConnection } | undefined> {
    const [row] = await db.select({ value: setting.value }).from(setting).where(eq(setting.name, settingName));
    if (!row) return undefined;
    try {
      const plain = JSON.parse(await symmetricDecrypt({ key: secret, data: row.value }));
      return { stored: row.value, connection: connectionSchema.parse(plain) };
    } catch {
      if (warnedOf !== row.value)
        log.warn("the connected model was kept under another secret: connect it again on the page Administration");
      warnedOf = row.value;
      return undefined;
    }
  }

  async function take(): Promise<void> {
    const found = await kept();
    if (found?.stored === taken) return;
    taken = found?.stored;
    const [usual, ...others] = found ? modelsOf(found.connection) : [createModel(undefined)];
    if (usual) models.replace(usual, others);
  }

  const withKey = async (given: ModelConnection): Promise<ModelConnection> => {
    if (given.apiKey !== undefined) return given;
    const before = (await kept())?.connection;
    // A key goes to the endpoint that it was given for, and to no other.
    return before?.baseUrl === given.baseUrl ? { ...given, apiKey: before.apiKey } : given;
  };

  async function test(given: ModelConnection): Promise<{ answer: string }> {
    const [first] = modelsOf(await withKey(given));
    if (!first) throw new InvalidInputError("models must name at least one model.");
    let failure: unknown;
    try {
      // As it is asked for replies.
      const { text } = streamText({
        model: first,
        prompt: "Say hello in one short sentence.",
        maxRetries: 0,
        abortSignal: AbortSignal.timeout(testMs),
        onError: ({ error }) => {
          failure = error;
        },
      });
      return { answer: (await text).slice(0, 500) };
    } catch (error) {
      const { sentence } = failureOf(failure ?? error);
      throw new InvalidInputError(`The model ${first.modelId} did not answer: ${sentence}`, { cause: error });
    }
  }

  return {
    read: async () => {
      const found = await kept();
      return found && shown(found.connection);
    },
    test,
    connect: async (given) => {
      await test(given);
      const connection = await withKey(given);
      const value = await symmetricEncrypt({ key: secret, data: JSON.stringify(connection) });
      await db
        .insert(setting)
        .values({ name: settingName, value })
        .onConflictDoUpdate({ target: setting.name, set: { value, updatedAt: sql`excluded.updated_at` } });
      await take();
      return shown(connection);
    },
    disconnect: async () => {
      await db.delete(setting).where(eq(setting.name, settingName));
      await take();
    },
    start: async () => {
      await take();
      if (isAlone) return;
      timer = setInterval(() => void take().catch(() => {}), readAgainMs);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };
}

function modelsOf({ baseUrl, apiKey, models }: ModelConnection) {
  const names = [...new Set(models)];
  return names.map((id) => createModel({ id, baseUrl: withoutSlash(baseUrl), apiKey: apiKey ?? undefined }));
}

function shown({ baseUrl, apiKey, models }: ModelConnection): ShownConnection {
  return { baseUrl, models, hasKey: Boolean(apiKey) };
}
