/** A process whose loop stands still answers nobody, and hears no signal: another thread sees that, and ends it. */
import { url as debugger_ } from "node:inspector";
import { Worker } from "node:worker_threads";

/** Without a sign of life. */
const silentSeconds = 30;

/** Runs in a thread of its own. It counts its own seconds, so that a machine that slept is not taken for a loop that stands. */
const watching = `
const { workerData: { beats, seconds, sentence } } = require("node:worker_threads");
let last = -1;
let silent = 0;
setInterval(() => {
  const now = Atomics.load(beats, 0);
  silent = now === last ? silent + 1 : 0;
  last = now;
  if (silent < seconds) return;
  require("node:fs").writeSync(2, sentence);
  process.kill(process.pid, "SIGKILL");
}, 1000);`;

/** Watches until it is told not to; not under a debugger, which lets the loop stand. */
export function startWatchdog(seconds = silentSeconds): { stop(): Promise<void> } {
  if (debugger_()) return { stop: async () => {} };
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const timer = setInterval(() => Atomics.add(beats, 0, 1), 250).unref();
  const sentence = `chatkeep: this process was ended, because it did nothing for ${seconds} seconds: look at its disk and its memory, and start it again.\n`;
  const worker = new Worker(watching, { eval: true, execArgv: [], workerData: { beats, seconds, sentence } });
  worker.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await worker.terminate();
    },
  };
}
