/** LangGraph's own suite for checkpointers, `@langchain/langgraph-checkpoint-validation`, unchanged: all of its cases, and those of delta channels. */
import { migrate } from "chatkeep";
import { createCheckpointSaver, langgraphMigrations } from "chatkeep/langgraph";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  type RunnerTask,
  type RunnerTestCase,
} from "vitest";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

// The suite takes these from whoever runs it, and brings a Vitest of its own only for its command line.
Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it });
const { deltaChannelHistoryTests, validate } = await import("@langchain/langgraph-checkpoint-validation");

let database: TestDatabase;
const initializer = {
  checkpointerName: "chatkeep/langgraph",
  beforeAll: async () => {
    database = await openTestDatabase();
    await migrate(database, langgraphMigrations(models));
    await resetPeople(database);
  },
  afterAll: async () => await database.close(),
  createCheckpointer: async () => {
    // Its rows go with the user.
    await database.query(`delete from "user" where id = $1::uuid`, [ids.ann]);
    await database.query(`insert into "user" (id, name) values ($1::uuid, 'Ann')`, [ids.ann]);
    return createCheckpointSaver(database, models, { userId: ids.ann });
  },
};
validate(initializer);
deltaChannelHistoryTests(initializer);

it("of whose 726 cases none is left out", ({ task }) => {
  const ended = task.file.tasks.flatMap(casesOf).filter(({ id }) => id !== task.id);
  expect(ended.filter(({ result }) => result?.state === "pass").length).toBeGreaterThanOrEqual(726);
  expect(ended.filter(({ result }) => result?.state !== "pass").map(({ name }) => name)).toEqual([]);
});

function casesOf(task: RunnerTask): RunnerTestCase[] {
  return task.type === "suite" ? task.tasks.flatMap(casesOf) : [task];
}
