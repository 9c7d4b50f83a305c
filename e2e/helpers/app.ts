/** The real server in a process of its own, and a real browser in front of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { freePort } from "../../packages/store/test/helpers/throwaway-postgres.ts";
import { chromiumIn } from "./chromium.ts";

const cli = fileURLToPath(new URL("../../packages/server/src/cli.ts", import.meta.url));

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

/** Starts `chatkeep serve` and waits until it is ready. */
export async function startServer(environment: Record<string, string>, port?: number): Promise<RunningServer> {
  const chosen = port ?? (await freePort());
  const url = `http://127.0.0.1:${chosen}`;
  const child = spawn(process.execPath, ["-C", "chatkeep-source", cli, "serve"], {
    env: { PATH: process.env["PATH"], PORT: String(chosen), CHATKEEP_LOG: "warn", ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${errors}`);
    const ready = await fetch(`${url}/readyz`).catch(() => undefined);
    if (ready?.ok) return { url, process: child, errors: () => errors };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the server was not ready in 30 seconds: ${errors}`);
}

export async function endServer({ process: child }: RunningServer, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}

export function openBrowser(folder: string): Promise<Browser> {
  return chromium.launch({
    ...chromiumIn(folder),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
}
