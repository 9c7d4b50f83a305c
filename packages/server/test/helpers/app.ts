/** The application on a database of its own, with people who have signed up. Requests go through `app.request`: no port, no mock. */
import { randomUUID } from "node:crypto";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import {
  type App,
  createApp,
  createAuth,
  createLog,
  createOfflineModel,
  type Limits,
  type Mailer,
  partsOf,
  type SignUp,
} from "@chatkeep/server";
import { hashPassword } from "better-auth/crypto";
import { type Connection, createStore } from "chatkeep";
import type { Quotas } from "chatkeep/replies";
import { sql } from "drizzle-orm";
import {
  distributed,
  isServer,
  isWalled,
  openTestDatabase,
  type TestDatabase,
} from "../../../chatkeep/test/helpers/database.ts";
import type { Drizzle } from "../../../chatkeep/test/helpers/with-drizzle.ts";
import { account, models, session, user } from "../../src/models/index.ts";

export const testUrl = "http://chatkeep.test";

export interface TestAppOptions {
  model?: LanguageModelV4;
  models?: LanguageModelV4[];
  titles?: boolean;
  limitAttempts?: boolean;
  /** On a database that another application has already. */
  database?: TestDatabase;
  /** Another way to that database. */
  through?: Connection & { db: Drizzle };
  /** How it hears of other servers; as its database gives it when left out. */
  listen?: TestDatabase["listen"];
  runLeaseMs?: number;
  url?: string;
  limits?: Partial<Limits>;
  anonymousDays?: number;
  corsOrigins?: string[];
  quotas?: Quotas;
  sharing?: boolean;
  signUp?: SignUp;
  mailer?: Mailer;
  isFirstAdmin?: boolean;
  /** Administrators may connect a model. */
  modelSecret?: string;
}

export interface Person {
  id: string;
  email: string;
  token: string;
  /** Sends a request as this person; a body that is no text is sent as JSON. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** The same, and gives the answer's JSON; fails unless the status is 2xx. */
  call<Body>(method: string, path: string, body?: unknown): Promise<Body>;
}

export type TestApp = Awaited<ReturnType<typeof openTestApp>>;

export async function openTestApp({
  model,
  models: otherModels = [],
  limitAttempts = false,
  runLeaseMs,
  url = testUrl,
  limits,
  anonymousDays,
  corsOrigins,
  titles,
  quotas,
  sharing,
  signUp: whoSignsUp,
  mailer,
  isFirstAdmin,
  modelSecret,
  ...given
}: TestAppOptions = {}) {
  const database = given.database ?? (await openTestDatabase("server"));
  const connection = given.through ?? database.limited;
  const { db } = connection;
  const lines: string[] = [];
  const log = createLog("debug", { write: (line) => void lines.push(line) });
  const store = createStore(connection, models, {
    partsOf,
    runLeaseMs,
    requiresFiles: true,
    rowLevelSecurity: isWalled && !given.through,
    distributed,
  });
  const secret = "a secret of the tests, long enough";
  const auth = createAuth({
    db,
    store,
    secret,
    url,
    log,
    limitAttempts,
    anonymousDays,
    signUp: whoSignsUp,
    mailer,
    isFirstAdmin,
  });
  const created = createApp({
    connection,
    db,
    store,
    auth,
    log,
    url,
    limits,
    anonymousDays,
    corsOrigins,
    titles,
    quotas,
    sharing,
    ...(modelSecret !== undefined && { modelSecret }),
    model: model ?? createOfflineModel({ wordMs: 0 }),
    models: otherModels,
    listen: given.listen ?? connection.listen,
    isAlone: !isServer,
  });
  await created.start();
  const app: Pick<App, "request"> = created.app;
  const close = async () => {
    await created.close(0);
    if (!given.database) await database.close();
  };
  return {
    ...created,
    auth,
    store,
    app,
    database,
    db: given.through?.db ?? database.db,
    lines,
    close,
    signUp: (name: string) => signUp(db, app, name),
  };
}

/** Of "correct horse". Made once: it is meant to be slow. */
const passwordHash = hashPassword("correct horse");

/** As who has signed up stands in the database. */
async function signUp(db: Drizzle, app: Pick<App, "request">, name: string): Promise<Person> {
  const [id, token, email] = [randomUUID(), randomUUID(), `${name}@example.com`];
  const password = await passwordHash;
  await db.insert(user).values({ id, name, email });
  await db.insert(account).values({ userId: id, accountId: id, providerId: "credential", password });
  await db.insert(session).values({ userId: id, token, expiresAt: sql`now() + interval '7 days'` });
  return { ...personWith(app, token), id, email, token };
}

export function personWith(app: Pick<App, "request">, token: string): Pick<Person, "request" | "call"> {
  const request: Person["request"] = (method, path, body, headers) =>
    send(app, method, path, body, { authorization: `Bearer ${token}`, ...headers });
  return {
    request,
    call: async <Body>(method: string, path: string, body?: unknown) => {
      const response = await request(method, path, body);
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return (response.status === 204 ? undefined : await response.json()) as Body;
    },
  };
}

export async function send(
  app: Pick<App, "request">,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const isText = typeof body === "string";
  return await app.request(path, {
    method,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
  });
}
