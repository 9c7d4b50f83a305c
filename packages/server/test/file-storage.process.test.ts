/** The server and its commands with the bytes of files in a folder, and in a bucket: kept there, exported, restored, examined, removed. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { childEnvironment } from "../../chatkeep/test/helpers/child-environment.ts";
import { type S3Server, startS3Server } from "../../chatkeep/test/helpers/s3-server.ts";
import { openDatabase } from "../src/database.ts";
import { call, endServer, question, signUp, startServer } from "./helpers/servers.ts";

const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const bytes = new Uint8Array(5_000_000).map((_, index) => (index * 7 + (index >> 9)) & 255);
let root: string;
let bucket: S3Server;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "chatkeep-file-storage-"));
  bucket = await startS3Server();
});
afterAll(async () => {
  await bucket.stop();
  rmSync(root, { recursive: true, force: true });
});

/** Meanwhile this process answers as the bucket does. */
async function chatkeep(args: string[], environment: Record<string, string>) {
  const child = spawn(process.execPath, ["-C", "chatkeep-source", cli, ...args], {
    cwd: root,
    env: { ...childEnvironment, ...environment },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const status = await new Promise((resolve) => child.on("close", resolve));
  return { status, stdout, stderr };
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

// It starts ten programs, one after the other.
it("keeps bytes in a folder, moves by an archive into a bucket, and erases them from both", async () => {
  const [data, files] = [join(root, "data"), join(root, "files")];
  const inFolder = { CHATKEEP_DATA: data, CHATKEEP_FILES: files };
  let server = await startServer(inFolder);
  const token = await signUp(server.url, "ann");
  const authorization = `Bearer ${token}`;
  const sent = await fetch(`${server.url}/api/files?name=a.bin`, {
    method: "POST",
    headers: { authorization },
    body: bytes,
  });
  expect(sent.status).toBe(201);
  const { url, id } = (await sent.json()) as { url: string; id: string };
  const ask = {
    ...question("Here it is"),
    parts: [{ type: "file", mediaType: "application/octet-stream", url, filename: "a.bin" }],
  };
  expect((await call(server.url, "/api/chat", { id: "c", message: ask }, token)).status).toBe(200);
  const part = await fetch(`${server.url}/api/files/${id}`, {
    headers: { authorization, range: "bytes=4194300-4194309" },
  });
  expect([part.status, [...new Uint8Array(await part.arrayBuffer())]]).toEqual([
    206,
    [...bytes.subarray(4_194_300, 4_194_310)],
  ]);
  await endServer(server);
  expect(filesIn(files)).toHaveLength(2);

  const archive = join(root, "one.zip");
  expect(await chatkeep(["export", "-o", archive], inFolder)).toMatchObject({ status: 0 });
  const without = await chatkeep(["export", "-o", join(root, "no.zip")], { CHATKEEP_DATA: data });
  expect([without.status, without.stderr]).toEqual([1, expect.stringContaining("CHATKEEP_FILES")]);

  const inBucket = {
    CHATKEEP_DATA: join(root, "other"),
    CHATKEEP_FILES: `s3://${bucket.bucket}/team a/files`,
    AWS_ENDPOINT_URL_S3: bucket.url,
    AWS_ACCESS_KEY_ID: "S3RVER",
    AWS_SECRET_ACCESS_KEY: "S3RVER",
  };
  await endServer(await startServer(inBucket));
  expect(await chatkeep(["restore", archive], inBucket)).toMatchObject({ status: 0 });
  expect(bucket.countObjects()).toBe(2);
  const again = join(root, "two.zip");
  expect(await chatkeep(["export", "-o", again], inBucket)).toMatchObject({ status: 0 });
  expect(hashOf(again)).toBe(hashOf(archive));
  const removed = await chatkeep(["users", "delete", "ann@example.com", "--yes"], inBucket);
  expect(removed).toMatchObject({ status: 0, stdout: expect.stringContaining("attachment_object") });
  expect(bucket.countObjects()).toBe(0);

  server = await startServer(inFolder);
  const gone = await call(server.url, "/api/auth/delete-user", { password: "correct horse" }, token);
  expect(await gone.json()).toMatchObject({ receipt: { rows: { attachment_object: 1 } } });
  expect(filesIn(files)).toHaveLength(0);
  await endServer(server);
}, 240_000);

it("goes on without the bucket, and says to whom it matters that it is away", async () => {
  const environment = {
    CHATKEEP_DATA: join(root, "third"),
    CHATKEEP_FILES: "s3://no-such-bucket",
    AWS_ENDPOINT_URL_S3: bucket.url,
    AWS_ACCESS_KEY_ID: "S3RVER",
    AWS_SECRET_ACCESS_KEY: "S3RVER",
  };
  const server = await startServer({ ...environment, CHATKEEP_LOG: "warn" });
  const token = await signUp(server.url, "bea");
  const send = () =>
    fetch(`${server.url}/api/files?name=a`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: Uint8Array.of(1),
    });
  const refused = await send();
  expect([refused.status, await refused.json()]).toEqual([
    503,
    {
      error: expect.objectContaining({ code: "unavailable", message: expect.stringContaining("where files are kept") }),
    },
  ]);
  expect((await call(server.url, "/api/chat", { id: "c", message: question("Hello") }, token)).status).toBe(200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  await endServer(server);
});

it("says which folder cannot be made", async () => {
  const blocked = join(root, "blocked");
  writeFileSync(blocked, "");
  const opened = openDatabase({
    engine: "pglite",
    dataDir: join(root, "db"),
    files: { folder: join(blocked, "files") },
  });
  await expect(opened).rejects.toThrow("The folder of CHATKEEP_FILES");
});
