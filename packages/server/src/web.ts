/** The web app: files that were built, and its page for every other address that a browser opens. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { NotFoundError } from "chatkeep";
import { Hono } from "hono";

const built = fileURLToPath(new URL("../public/", import.meta.url));

export function webRoutes(folder = built) {
  const forever = "public, max-age=31536000, immutable";
  return new Hono()
    .use(
      serveStatic({
        root: folder,
        precompressed: true,
        onFound: (path, c) => c.header("cache-control", path.includes("/assets/") ? forever : "no-cache"),
      }),
    )
    .get("*", async (c) => {
      const isPage =
        c.req.header("accept")?.includes("text/html") &&
        !/\.(js|css|svg|png|ico|map|json|txt|webmanifest|woff2?)$/.test(c.req.path);
      if (!isPage) throw new NotFoundError("page", c.req.path);
      if (!existsSync(`${folder}index.html`)) return c.text("The web app is not built: run npm run build.", 503);
      c.header("cache-control", "no-cache");
      return c.html(await readFile(`${folder}index.html`, "utf8"));
    });
}
