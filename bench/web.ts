/** The web app in Chromium: what it loads, when one can write, how it scrolls through ten thousand conversations, and types while a reply streams. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { openBrowser } from "../e2e/helpers/app.ts";
import { unpackChromium } from "../e2e/helpers/chromium.ts";
import { seedTenThousands } from "../e2e/helpers/seed.ts";
import { endServer, startServer, temporaryFolder } from "../packages/server/test/helpers/servers.ts";
import { startSpeakingEndpoint } from "../packages/server/test/helpers/speaking-endpoint.ts";

const rounds = 5;
const publicFolder = new URL("../packages/server/public/", import.meta.url);
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const quantile = (values: number[], part: number) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;

const folder = temporaryFolder();
const endpoint = await startSpeakingEndpoint(10);
const environment = { CHATKEEP_DATA: folder.path, ...endpoint.environment };
let server = await startServer(environment);
const browser = await openBrowser(await unpackChromium());
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
await page.goto(server.url);
await page.getByRole("button", { name: "Sign up" }).click();
await page.getByLabel("Name").fill("Ann");
await page.getByLabel("E-mail").fill("ann@example.com");
await page.getByLabel("Password").fill("correct horse");
await page.getByRole("button", { name: "Sign up" }).click();
const box = (of: Page) => of.getByRole("textbox", { name: "Message", exact: true });
await box(page).waitFor();
const port = Number(new URL(server.url).port);
await endServer(server);
const longId = await seedTenThousands(folder.path, "ann@example.com");
server = await startServer(environment, port);

const loaded: string[] = [];
page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
const kilobytes = (paths: string[]) =>
  paths
    .filter((path) => path.endsWith(".js"))
    .reduce((sum, path) => sum + gzipSync(readFileSync(new URL(`.${path}`, publicFolder))).length, 0) / 1_000;
await page.goto(server.url);
await box(page).waitFor();
const first = [...new Set(loaded)];
console.log(`first load: ${kilobytes(first).toFixed(0)} kB of JavaScript (gzip)`);

const ready: number[] = [];
const opened: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  for (const [path, times, text] of [
    ["/", ready, undefined],
    [`/c/${longId}`, opened, "Message number 10000"],
  ] as const) {
    const cold = await browser.newContext({ storageState: await context.storageState() });
    const fresh = await cold.newPage();
    const began = performance.now();
    await fresh.goto(server.url + path);
    await box(fresh).waitFor();
    if (text) await fresh.getByText(text, { exact: true }).waitFor();
    times.push(performance.now() - began);
    await cold.close();
  }
}
console.log(`from a cold cache until one can write: ${median(ready).toFixed(0)} ms`);
console.log(`until the end of 10,000 messages is shown: ${median(opened).toFixed(0)} ms`);

const frames = await page.evaluate(async () => {
  const list = document.querySelector("nav");
  const times: number[] = [];
  let last = performance.now();
  for (let frame = 0; frame < 240; frame += 1) {
    list?.scrollBy(0, 120);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  return times;
});
console.log(
  `scrolling the list: ${quantile(frames, 0.5).toFixed(0)} ms a frame, p95 ${quantile(frames, 0.95).toFixed(0)} ms`,
);

await box(page).fill("count 1000");
await page.keyboard.press("Enter");
await page.getByLabel("Assistant").filter({ hasText: "1 2 3" }).waitFor();
const delays: number[] = [];
for (let letter = 0; letter < 60; letter += 1) {
  delays.push(
    await page.evaluate(async () => {
      const area = document.querySelector("textarea");
      const began = performance.now();
      document.execCommand("insertText", false, "x");
      await new Promise(requestAnimationFrame);
      await new Promise((resolve) => setTimeout(resolve));
      return area ? performance.now() - began : Number.NaN;
    }),
  );
  await page.waitForTimeout(40);
}
console.log(
  `from a letter to the next frame while 100 words a second stream: p50 ${quantile(delays, 0.5).toFixed(0)} ms, p95 ${quantile(delays, 0.95).toFixed(0)} ms`,
);
await browser.close();
await endServer(server);
await endpoint.stop();
folder.remove();
