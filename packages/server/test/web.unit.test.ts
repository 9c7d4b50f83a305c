import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, expect, it } from "vitest";
import { webRoutes } from "../src/web.ts";

const folder = mkdtempSync(join(tmpdir(), "chatkeep-web-"));
const script = "console.log('loaf');\n".repeat(100);
writeFileSync(join(folder, "app.js"), script);
writeFileSync(join(folder, "app.js.gz"), gzipSync(script));
writeFileSync(join(folder, "app.js.br"), brotliCompressSync(script));
writeFileSync(join(folder, "plain.js"), script);
afterAll(() => rmSync(folder, { recursive: true }));

const app = webRoutes(`${folder}/`);
const ask = async (path: string, encodings: string) =>
  await app.request(path, { headers: { "accept-encoding": encodings } });

it("serves what was compressed when the app was built to whoever takes it, and as it is to others", async () => {
  const [brotli, gzip, none] = [
    await ask("/app.js", "gzip, deflate, br, zstd"),
    await ask("/app.js", "gzip, deflate"),
    await ask("/app.js", "identity"),
  ];
  expect([brotli, gzip, none].map(({ headers }) => headers.get("content-encoding"))).toEqual(["br", "gzip", null]);
  for (const { headers } of [brotli, gzip, none]) expect(headers.get("content-type")).toContain("javascript");
  expect(brotli.headers.get("vary")).toBe("Accept-Encoding");
  expect(gunzipSync(await gzip.arrayBuffer()).toString()).toBe(script);
  expect(await none.text()).toBe(script);
  expect(await (await ask("/plain.js", "br")).text()).toBe(script);
});
