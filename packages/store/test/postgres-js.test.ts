/** The conformance suite through Drizzle on postgres.js, which hands some values over otherwise than pg does. */
import { type Capability, runConformance, type Subject } from "chatkeep/testing";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe } from "vitest";
import { conformanceStore } from "./helpers/conformance-store.ts";
import { engine, openTestDatabase } from "./helpers/database.ts";

const without: Capability[] = ["processes", "faults", "clock", "counters", "shelf"];

describe.runIf(engine === "pg18")("through Drizzle", () => {
  runConformance("chatkeep on postgres.js", open, { rounds: 2, timeoutMs: 120_000, without });
});

async function open(): Promise<Subject> {
  const database = await openTestDatabase();
  const connect = () => {
    const client = postgres(database.url ?? "", { onnotice: () => {} });
    return conformanceStore(drizzle(client), () => client.end());
  };
  const store = connect();
  const close = async () => {
    await store.close();
    await database.close();
  };
  return { store, connect: async () => connect(), close };
}
