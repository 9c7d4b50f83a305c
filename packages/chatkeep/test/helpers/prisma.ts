/** A client of Prisma, generated in a folder of its own. Its command wants an engine for migrations, which generating does not use. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";

const schema = `
generator client {
  provider = "prisma-client"
  output = "../generated"
  importFileExtension = "ts"
}
datasource db {
  provider = "postgresql"
}
model Nothing {
  id Int @id
}
`;

const config = `export default { schema: "prisma/schema.prisma", datasource: { url: "postgres://nobody@localhost/none" } };`;

let generated: Promise<new (options: object) => unknown> | undefined;

export async function generatePrisma(url: string): Promise<unknown> {
  generated ??= generate();
  const PrismaClient = await generated;
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 4 }) });
}

async function generate(): Promise<new (options: object) => unknown> {
  const folder = mkdtempSync(join(tmpdir(), "chatkeep-prisma-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const command = createRequire(import.meta.url).resolve("prisma/build/index.js");
  symlinkSync(join(dirname(command), "..", ".."), join(folder, "node_modules"));
  mkdirSync(join(folder, "prisma"));
  writeFileSync(join(folder, "prisma", "schema.prisma"), schema);
  writeFileSync(join(folder, "prisma.config.mjs"), config);
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" };
  execFileSync(process.execPath, [command, "generate", "--config", "prisma.config.mjs"], {
    cwd: folder,
    env,
    stdio: "pipe",
  });
  const module: { PrismaClient: new (options: object) => unknown } = await import(
    /* @vite-ignore */ pathToFileURL(join(folder, "generated", "client.ts")).href
  );
  return module.PrismaClient;
}
