import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { isLong } from "./packages/chatkeep/test/helpers/long.ts";
import { installedPostgres15 } from "./packages/chatkeep/test/helpers/throwaway-postgres.ts";

const resolve = { conditions: ["chatkeep-source"] };
const ssr = { resolve: { conditions: ["chatkeep-source"], externalConditions: ["chatkeep-source"] } };
/** `walled`: PostgreSQL 18 with row-level security, and a role for which it holds. */
const engines = [
  "pglite",
  "pg18",
  ...(installedPostgres15() ? ["pg15"] : []),
  "neon",
  "walled",
  ...(process.env["TEST_CITUS_URL"] ? ["citus"] : []),
];

/**
 * PostgreSQL 15 differs in what SQL it knows, which the store's tests have all of. Neon's driver differs in how connections and
 * notifications behave: of the server's tests those that depend on that.
 */
const serverTests: Record<string, string[]> = {
  pg15: [],
  citus: [
    "packages/server/test/{anonymous,auth,chat,feedback,files,import,isolation,keys,projects,routes,search,shares,tags,trash-routes,users}.test.ts",
  ],
  neon: ["packages/server/test/{chat,follow}.test.ts"],
  walled: [
    "packages/server/test/{admin,chat,feedback,isolation,projects,routes,search,shares,tags,trash-routes}.test.ts",
  ],
};

/** What has no SQL of its own in it is proved once: on PostgreSQL, which has several sessions and is faster than PGlite. */
const onceOnPg18 = {
  server:
    "packages/server/test/{admin,adopt,ai-sdk-chat,assistant-cloud,auth,bodies,client,clients,connected-model,conversation-export,doctor,doors,endpoints,feedback,files,follow,generation-settings,history,import,import-formats,import-products,isolation,keys,limits,mcp,migration-steps,named-models,observability,openai,openai-conversations,mail,openai-responses,outages,passkeys,projects,restore,routes,search,security,shares,tags,titles,tools,trash-routes,users,workflow-transport}.test.ts",
  chatkeep:
    "packages/chatkeep/test/{claude-agent,copilotkit,langchain,langgraph,langgraph.model,mastra,openai-agents}.test.ts",
};

/** LangGraph's own suite, and its checkpointer through all drivers. */
const langgraph = "packages/chatkeep/test/langgraph";

/** How drivers hand values over, and how a protocol is spoken, does not depend on PostgreSQL's version. */
const notOn: Record<string, string[]> = {
  pglite: [
    ...Object.values(onceOnPg18),
    `${langgraph}-{saver,ways}.test.ts`,
    "packages/chatkeep/test/pages-by-bytes.test.ts",
    "packages/server/test/migrations.test.ts",
  ],
  pg15: [
    onceOnPg18.chatkeep,
    `${langgraph}-*.test.ts`,
    "packages/chatkeep/test/{arguments,chat-handler,connections,drizzle-relations,errors,group-commit,pages-by-bytes,replies,resumable-stream}.test.ts",
  ],
  neon: [
    onceOnPg18.chatkeep,
    `${langgraph}-{saver,validation}.test.ts`,
    "packages/chatkeep/test/{arguments,group-commit,models,pages-by-bytes,runs.model,search,trash,usage}.test.ts",
  ],
  citus: [
    onceOnPg18.chatkeep,
    `${langgraph}-*.test.ts`,
    "packages/chatkeep/test/{arguments,chat-handler,connections,drivers,drizzle-relations,errors,host-transactions,hosts.conformance,models,pages-by-bytes,replies,resumable-stream,row-level-security}.test.ts",
  ],
  walled: [
    onceOnPg18.chatkeep,
    `${langgraph}-*.test.ts`,
    // The suite looks at a store from outside, where nothing is to be different: in the long form.
    ...(isLong ? [] : ["packages/chatkeep/test/conformance.test.ts"]),
    "packages/chatkeep/test/{arguments,chat-handler,connections,drivers,drizzle-relations,errors,hosts.conformance,outages,pages-by-bytes,replies,resumable-stream}.test.ts",
  ],
};

/** What takes longest, beginning with the longest: begun last, one of them would run alone while the others wait. */
const longest = [
  "cli.process",
  "examples.process",
  "journeys.e2e",
  "conformance.test",
  "account.e2e",
  "shown.e2e",
  "tabs.e2e",
  "replies.e2e",
  "pglite-folder",
  "servers.process",
  ".e2e.",
  ".process.",
  "connections",
  "guide.unit",
  "docs.unit",
  "patterns.unit",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.includes(name));
      return place < 0 ? longest.length : place;
    };
    return files.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

if (!engines.includes("citus")) console.warn("TEST_CITUS_URL names no Citus cluster: its project is left out.");
if (!engines.includes("pg15")) console.warn("PostgreSQL 15 is not installed here: its project is left out.");

export default defineConfig({
  resolve,
  ssr,
  test: {
    pool: "forks",
    // Files of one project share what they import; what they change is their own database.
    isolate: false,
    // More than cores: many tests wait, for processes, servers and pages.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    execArgv: ["-C", "chatkeep-source", "--import", import.meta.resolve("./packages/server/test/helpers/quickened.ts")],
    testTimeout: 30_000,
    hookTimeout: 150_000,
    // Whoever waits for a state waits as long as the test does, not for the second that is the default.
    expect: { poll: { timeout: 25_000 } },
    reporters: ["default"],
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["packages/*/test/**/*.unit.test.ts"] },
      },
      ...engines.map((name) => ({
        extends: true as const,
        test: {
          name,
          include: [
            "packages/chatkeep/test/**/*.test.ts",
            ...(serverTests[name] ?? ["packages/server/test/**/*.test.ts"]),
          ],
          exclude: ["**/*.unit.test.ts", "**/*.process.test.ts", ...(notOn[name] ?? [])],
          globalSetup: "packages/chatkeep/test/helpers/engines.ts",
          // A statement goes over two servers, and a database of its own is made on each node.
          ...(name === "citus" && { testTimeout: 120_000 }),
        },
      })),
      {
        extends: true,
        test: { name: "process", include: ["packages/*/test/**/*.process.test.ts"], testTimeout: 90_000 },
      },
      {
        extends: true,
        test: { name: "examples", include: ["examples/test/**/*.process.test.ts"] },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["e2e/**/*.e2e.test.ts"],
          // The growth of a heap takes half a minute to be seen.
          exclude: isLong ? [] : ["e2e/memory.e2e.test.ts"],
          testTimeout: 120_000,
          globalSetup: ["e2e/helpers/chromium.ts", "packages/chatkeep/test/helpers/engines.ts"],
        },
      },
    ],
  },
});
