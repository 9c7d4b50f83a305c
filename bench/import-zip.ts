/**
 * A large ZIP as ChatGPT exports it, brought in by the command as users run it: 20 shards of conversations and 200 files of 5 MB, 2 GB in
 * all (`--small`: a tenth). Says how long it takes, and how much memory the command takes at most.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { migrate } from "chatkeep";
import { openPg } from "chatkeep/pg";
import { ZipFile } from "yazl";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { migrations } from "../packages/server/src/migrations.generated.ts";

const scale = process.argv.includes("--small") ? 0.1 : 1;
const shards = 20;
const chatsOfShard = Math.round(1_585 * scale);
const turns = 20;
const files = Math.round(200 * scale);
const fileBytes = 5_000_000;
const words = "A loaf takes 500 g of flour, 350 g of water and ten of salt; let it rest until it has doubled. ";

function node(chat: number, turn: number, file?: number) {
  const role = turn % 2 ? "assistant" : "user";
  const image = {
    content_type: "image_asset_pointer",
    asset_pointer: `file-service://file-${file}`,
    size_bytes: fileBytes,
  };
  const text = `${chat}.${turn} ${words.repeat(1 + ((chat * 7 + turn * 13) % 20))}`;
  return {
    id: `m-${chat}-${turn}`,
    parent: turn > 0 ? `m-${chat}-${turn - 1}` : null,
    children: turn + 1 < turns ? [`m-${chat}-${turn + 1}`] : [],
    message: {
      id: `m-${chat}-${turn}`,
      author: { role },
      create_time: 1_700_000_000 + chat * 100 + turn,
      content:
        file === undefined
          ? { content_type: "text", parts: [text] }
          : { content_type: "multimodal_text", parts: [image, text] },
      metadata:
        file === undefined ? {} : { attachments: [{ id: `file-${file}`, name: `${file}.bin`, size: fileBytes }] },
    },
  };
}

function* shard(index: number): Generator<string> {
  for (let each = 0; each < chatsOfShard; each += 1) {
    const chat = index * chatsOfShard + each;
    const file = chat < files ? chat : undefined;
    const nodes = Array.from({ length: turns }, (_, turn) => node(chat, turn, turn === 0 ? file : undefined));
    const mapping = Object.fromEntries(nodes.map((one) => [one.id, one]));
    const value = { id: `chat-${chat}`, title: `Bread ${chat}`, current_node: `m-${chat}-${turns - 1}`, mapping };
    yield `${each === 0 ? "[" : ","}${JSON.stringify(value)}`;
  }
  yield "]";
}

const folder = mkdtempSync(join(tmpdir(), "chatkeep-bench-zip-"));
const path = join(folder, "export.zip");
const zip = new ZipFile();
const written = pipeline(zip.outputStream, createWriteStream(path));
for (let index = 0; index < shards; index += 1) {
  const name = `conversations-${String(index).padStart(3, "0")}.json`;
  zip.addReadStreamLazy(name, { compress: false }, (give) => give(null, Readable.from(shard(index))));
}
for (let file = 0; file < files; file += 1) {
  zip.addReadStreamLazy(`file-${file}.dat`, { compress: false }, (give) =>
    give(null, Readable.from([randomBytes(fileBytes)])),
  );
}
zip.end();
await written;

const postgres = await startPostgres();
const connection = await openPg({ url: postgres.url });
await migrate(connection, migrations);
const person = [crypto.randomUUID(), "ann", "ann@example.com"];
await connection.query(`insert into "user" (id, name, email) values ($1::uuid, $2, $3)`, person);
const began = performance.now();
const cli = new URL("../packages/server/dist/cli.js", import.meta.url).pathname;
const child = spawn(process.execPath, [cli, "import", path, "--user", "ann@example.com", "--json"], {
  env: { DATABASE_URL: postgres.url },
  stdio: ["ignore", "pipe", "inherit"],
});
let printed = "";
child.stdout.on("data", (text) => {
  printed += text;
});
let peak = 0;
const timer = setInterval(() => {
  try {
    peak = Math.max(peak, Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0));
  } catch {}
}, 100);
await new Promise((resolve) => child.on("close", resolve));
clearInterval(timer);
const ms = performance.now() - began;
const { messages, failed } = JSON.parse(printed);
console.log(
  `${(statSync(path).size / 1e9).toFixed(2)} GB, ${messages} messages (${failed} failed) in ${(ms / 1_000).toFixed(0)} s, ${Math.round((messages / ms) * 1_000)} a second; at most ${Math.round(peak / 1024)} MB`,
);
await connection.close();
await postgres.stop();
rmSync(folder, { recursive: true });
