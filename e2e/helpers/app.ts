/** A real browser, in front of the real server. */
import { type Browser, chromium } from "playwright-core";
import { chromiumIn } from "./chromium.ts";

/** How long a page waits for a state: the first ones come while everything starts on two cores. */
const maxWaitMs = 60_000;

export async function openBrowser(folder: string): Promise<Browser> {
  const browser = await chromium.launch({
    ...chromiumIn(folder),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
  browser.on("context", (context) => context.setDefaultTimeout(maxWaitMs));
  return browser;
}
