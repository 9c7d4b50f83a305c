/** A real browser, in front of the real server. */
import { type Browser, chromium } from "playwright-core";
import { chromiumIn } from "./chromium.ts";

export function openBrowser(folder: string): Promise<Browser> {
  return chromium.launch({
    ...chromiumIn(folder),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
}
