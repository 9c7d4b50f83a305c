/** `npm run recording`: a reload in the middle of a reply, as the README shows it. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import gifenc from "gifenc";
import type { Page } from "playwright-core";
import { PNG } from "pngjs";
import { endServer, startServer, temporaryFolder } from "../packages/server/test/helpers/servers.ts";
import { openBrowser } from "./helpers/app.ts";
import { unpackChromium } from "./helpers/chromium.ts";
import { signUp } from "./helpers/page.ts";
import { startScriptedEndpoint } from "./helpers/scripted-endpoint.ts";

const target = process.argv[2] ?? fileURLToPath(new URL("../docs/screens/reload.gif", import.meta.url));
const size = { width: 960, height: 600 };
const frameMs = 110;
const colors = 128;

const answer = `A loaf with a dark crust wants a **wet dough** and a *hot pot*.

1. Mix **500 g** of flour, **380 g** of water and **10 g** of salt, and let it rest for an hour.
2. Fold it four times, every half hour.
3. Shape it, and leave it in the fridge over night.
4. Bake it for 45 minutes at 240 °C, the first half of it under a lid.

The share of water is $$380 / 500 = 76\\,\\%$$, which is a lot: wet your hands before you touch it.`;
const words = answer.split(/(?<=\s)/).flatMap((word) => ["", word]);

const folder = temporaryFolder();
const endpoint = await startScriptedEndpoint({ "dark crust": { words } });
const [browser, server] = await Promise.all([
  unpackChromium().then(openBrowser),
  startServer({ CHATKEEP_DATA: folder.path, ...endpoint.environment }),
]);

const frames: Buffer[] = [];

/** Below the page, what is done to it. */
async function caption(page: Page, text: string): Promise<void> {
  await page.evaluate((said) => {
    const known = document.getElementById("caption");
    const line = known ?? document.body.appendChild(document.createElement("div"));
    line.id = "caption";
    line.textContent = said;
    Object.assign(document.getElementById("root")?.style ?? {}, { height: "calc(100% - 2.5rem)" });
    Object.assign(line.style, {
      position: "fixed",
      insetInline: "0",
      bottom: "0",
      zIndex: "99",
      padding: "10px",
      textAlign: "center",
      font: "600 15px Inter, sans-serif",
      color: "white",
      background: "#0f766e",
    });
  }, text);
}

async function record(page: Page, milliseconds: number): Promise<void> {
  const end = Date.now() + milliseconds;
  while (Date.now() < end) {
    const next = Date.now() + frameMs;
    frames.push(await page.screenshot({ animations: "allow", caret: "initial" }));
    await page.waitForTimeout(Math.max(0, next - Date.now()));
  }
}

try {
  const context = await browser.newContext({ viewport: size, colorScheme: "light", serviceWorkers: "block" });
  const page = await context.newPage();
  await page.goto(server.url);
  await signUp(page, "Ann");
  await page.keyboard.press("ControlOrMeta+B");
  await caption(page, "A question");
  await page.getByRole("textbox", { name: "Message" }).pressSequentially("How do I get a dark crust?", { delay: 5 });
  await record(page, 900);
  await page.keyboard.press("Enter");
  const talking = setInterval(() => endpoint.goOn(), 110);
  await caption(page, "A model answers …");
  await record(page, 3_600);
  await page.evaluate(() => document.getElementById("caption")?.remove());
  await page.reload({ waitUntil: "commit" });
  await page.waitForFunction(() => document.body);
  await caption(page, "… and the page is reloaded in the middle of it");
  await record(page, 3_000);
  await caption(page, "Nothing is lost, and it goes on");
  await page
    .getByRole("button", { name: "Send" })
    .waitFor({ timeout: 30_000 })
    .catch(() => {});
  await record(page, 2_500);
  clearInterval(talking);
  writeFileSync(target, encoded(frames));
} finally {
  await browser.close();
  await endServer(server);
  await endpoint.stop();
  folder.remove();
}

/** A GIF of them, in which a frame has only what is other than in the one before. */
function encoded(pictures: readonly Buffer[]): Uint8Array {
  const { GIFEncoder, applyPalette, quantize } = gifenc;
  const gif = GIFEncoder();
  // One for all: what stays has the same colour in each.
  const some = [0, 0.3, 0.6, 0.999].map((part) => pictures[Math.floor(part * pictures.length)] ?? Buffer.of());
  const palette = quantize(Buffer.concat(some.map((picture) => PNG.sync.read(picture).data)), colors - 1);
  let before: Buffer | undefined;
  let delay = 0;
  for (const picture of pictures) {
    const { data, width, height } = PNG.sync.read(picture);
    delay += frameMs;
    if (before?.equals(data)) continue;
    const index = applyPalette(data, palette);
    const transparent = palette.length;
    for (let at = 0; before && at < index.length; at += 1)
      if (data.readUInt32LE(at * 4) === before.readUInt32LE(at * 4)) index[at] = transparent;
    gif.writeFrame(index, width, height, {
      palette: [...palette, [0, 0, 0]],
      transparent: true,
      transparentIndex: transparent,
      delay,
      dispose: 1,
    });
    before = data;
    delay = 0;
  }
  gif.finish();
  return gif.bytes();
}
