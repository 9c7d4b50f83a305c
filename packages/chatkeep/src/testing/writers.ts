/** Writers in processes of their own, which can be killed in the middle of an append. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { CaseContext } from "./subject.ts";
import { times } from "./tools.ts";

const isSource = import.meta.url.endsWith(".ts");
const program = fileURLToPath(new URL(isSource ? "./writer-process.ts" : "./writer-process.js", import.meta.url));

export interface Writers {
  /** Lets each write this many pairs, and gives the ids that were acknowledged. */
  finish(turns: number): Promise<string[]>;
  /** Lets each write until it is killed after a random time, and gives the ids that were acknowledged by then. */
  kill(afterMs: () => number): Promise<string[]>;
}

/** Starts processes that have the conversation open, and write when they are told to. */
export async function runWriters(
  { subject }: Pick<CaseContext, "subject">,
  count: number,
  userId: string,
  conversationId: string,
): Promise<Writers> {
  const { worker } = subject;
  if (!worker) throw new Error("the subject has no worker");
  const processes = times(count, () =>
    spawn(
      process.execPath,
      [...(isSource ? ["-C", "chatkeep-source"] : []), program, worker.module, worker.argument, userId, conversationId],
      { stdio: ["pipe", "pipe", "inherit"] },
    ),
  );
  const acknowledged = processes.map(collectLines);
  await Promise.all(acknowledged.map(({ ready }) => ready));
  const all = () => acknowledged.flatMap(({ ids }) => ids);
  return {
    finish: async (turns) => {
      const exits = processes.map((child) => once(child, "exit"));
      for (const child of processes) child.stdin?.end(`${turns}\n`);
      await Promise.all(exits);
      return all();
    },
    kill: async (afterMs) => {
      const exits = processes.map((child) => once(child, "close"));
      for (const child of processes) {
        child.stdin?.write("1000000\n");
        setTimeout(() => child.kill("SIGKILL"), afterMs());
      }
      await Promise.all(exits);
      return all();
    },
  };
}

function collectLines(child: ChildProcess) {
  const ids: string[] = [];
  let rest = "";
  const ready = new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`a writer ended with ${code} before it was ready`)));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "ready") resolve();
        else ids.push(line);
      }
    });
  });
  return { ids, ready };
}
