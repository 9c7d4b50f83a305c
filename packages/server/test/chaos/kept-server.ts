/** A real server that is started again whenever it has ended, as an operator's supervisor does it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "../../../chatkeep/test/helpers/throwaway-postgres.ts";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const startMs = 120_000;
/** A server says that it ends within 25 seconds. */
const endMs = 32_000;

export interface KeptServer {
  url: string;
  /** Why it ended though nobody had ended it, or did not end when it should. */
  faults: string[];
  /** Comes back when it is ready; it is tried again for as long as the database is away. */
  start(): Promise<void>;
  kill(): Promise<void>;
  shutDown(): Promise<void>;
  pause(): void;
  wake(): void;
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Ends with this process, also when it is paused. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

export async function keepServer(
  name: string,
  environment: Record<string, string>,
  logFile: string,
): Promise<KeptServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const faults: string[] = [];
  let child: ChildProcess | undefined;
  let isWanted = false;
  let isReady = false;

  const launch = () => {
    const log = openSync(logFile, "a");
    const started = spawn(process.execPath, ["-C", "chatkeep-source", cli, "serve"], {
      env: { PATH: process.env["PATH"], PORT: String(port), CHATKEEP_LOG: "warn", ...environment },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    alive.add(started);
    isReady = false;
    started.once("exit", (code, signal) => {
      alive.delete(started);
      const wasReady = isReady;
      isReady = false;
      if (!isWanted || !wasReady) return;
      faults.push(`${name} ended by itself: ${signal ?? `code ${code}`}`);
      start().catch((error: Error) => faults.push(error.message));
    });
    child = started;
    return started;
  };
  const start = async () => {
    isWanted = true;
    const giveUpAt = Date.now() + startMs;
    let started = launch();
    while (isWanted && child === started) {
      if (Date.now() > giveUpAt) throw new Error(`${name} was not ready within ${startMs / 1_000} seconds`);
      const hasEnded = started.exitCode !== null || started.signalCode !== null;
      if (hasEnded) started = launch();
      const ready = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      if (ready?.ok) {
        isReady = true;
        return;
      }
      await sleep(150);
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    isWanted = false;
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const exit = once(ending, "exit");
    ending.kill(signal);
    const isSlow = setTimeout(() => {
      faults.push(`${name} did not end within ${endMs / 1_000} seconds of ${signal}`);
      ending.kill("SIGKILL");
    }, endMs);
    await exit;
    clearTimeout(isSlow);
  };
  return {
    url,
    faults,
    start,
    kill: () => end("SIGKILL"),
    shutDown: () => end("SIGTERM"),
    pause: () => void child?.kill("SIGSTOP"),
    wake: () => void child?.kill("SIGCONT"),
  };
}
