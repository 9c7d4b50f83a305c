import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { bakedMigrations, bakeMigrations } from "../scripts/bake-migrations.ts";

const server = fileURLToPath(new URL("..", import.meta.url));

it("the modules of the migrations are those of the SQL files", () => {
  expect(bakedMigrations()).toEqual(bakeMigrations());
});

it("the schema in TypeScript and the migrations agree: drizzle-kit has nothing to add", () => {
  const folder = mkdtempSync(join(tmpdir(), "chatkeep-migrations-"));
  try {
    cpSync(join(server, "migrations"), folder, { recursive: true });
    const before = readdirSync(folder);
    const kit = join(dirname(createRequire(import.meta.url).resolve("drizzle-kit")), "bin.cjs");
    const result = spawnSync(
      process.execPath,
      [
        "-C",
        "chatkeep-source",
        kit,
        "generate",
        "--dialect",
        "postgresql",
        "--schema",
        "src/models/index.ts",
        "--out",
        relative(server, folder),
      ],
      { cwd: server, encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "-C chatkeep-source" } },
    );
    expect(result.stdout + result.stderr).toContain("No schema changes");
    expect(readdirSync(folder)).toEqual(before);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
