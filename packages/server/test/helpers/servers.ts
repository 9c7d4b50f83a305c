/** The real server in a process of its own, and what a client of it needs. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../../../chatkeep/test/helpers/child-environment.ts";
import { freePort } from "../../../chatkeep/test/helpers/throwaway-postgres.ts";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

export interface RunningServer {
  url: string;
  process: ChildProcess;
  /** What it has printed to standard error so far. */
  errors(): string;
}

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "chatkeep-e2e-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts `chatkeep serve`, of this code or of another, and waits until it is ready. */
export async function startServer(
  environment: Record<string, string>,
  port?: number,
  program = cli,
): Promise<RunningServer> {
  const chosen = port ?? (await freePort());
  const url = `http://127.0.0.1:${chosen}`;
  const child = spawn(process.execPath, ["-C", "chatkeep-source", program, "serve"], {
    env: { ...childEnvironment, PORT: String(chosen), CHATKEEP_LOG: "warn", CHATKEEP_TITLES: "off", ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  for (let tries = 0; tries < 900; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${errors}`);
    const ready = await fetch(`${url}/readyz`).catch(() => undefined);
    if (ready?.ok) return { url, process: child, errors: () => errors };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the server was not ready in 90 seconds: ${errors}`);
}

export async function endServer({ process: child }: RunningServer, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}

export const question = (text: string, id = randomUUID()) => ({ id, role: "user", parts: [{ type: "text", text }] });

/** Sends a request; a body makes it a POST of JSON. */
export async function call(url: string, path: string, body?: object, token?: string): Promise<Response> {
  return await fetch(url + path, {
    method: body ? "POST" : "GET",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  });
}

/** The token of somebody new. */
export async function signUp(url: string, name: string): Promise<string> {
  const body = { name, email: `${name}@example.com`, password: "correct horse" };
  const response = await call(url, "/api/auth/sign-up/email", body);
  return ((await response.json()) as { token: string }).token;
}
