import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const watchdog = fileURLToPath(new URL("../src/commands/watchdog.ts", import.meta.url));

/** Runs `script`, in which `startWatchdog` is known, and gives how it ended and what it said. */
async function run(script: string) {
  const whole = `import { startWatchdog } from ${JSON.stringify(watchdog)}; ${script}`;
  const child = spawn(process.execPath, ["-C", "chatkeep-source", "--input-type=module", "-e", whole], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const exit = once(child, "exit");
  return { child, exit, said: () => said };
}

it("a process whose loop stands still is ended with a sentence", async () => {
  const { exit, said } = await run("startWatchdog(1); setTimeout(() => { for (;;); }, 100);");
  expect(await exit).toEqual([null, "SIGKILL"]);
  expect(said()).toMatch(/^chatkeep: this process was ended, because it did nothing for 1 seconds: look at its disk/);
});

it("a process that works is left alone, also one that was stopped for a while, and ends by itself", async () => {
  const { child, exit, said } = await run(
    "const dog = startWatchdog(2); console.log('on'); setTimeout(() => dog.stop(), 6000);",
  );
  while (!said().includes("on")) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  child.kill("SIGCONT");
  expect(await exit).toEqual([0, null]);
  expect(said()).toBe("on\n");
});
