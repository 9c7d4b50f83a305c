/** Certificates, passwords and a standby: what takes a PostgreSQL of its own, with its own settings. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { translate } from "chatkeep/internal";
import { openPg } from "chatkeep/pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  freePort,
  installedPostgres15,
  startPostgres,
  type ThrowawayPostgres,
} from "../../chatkeep/test/helpers/throwaway-postgres.ts";
import { examine } from "../src/commands/doctor.ts";
import { migrateDatabase } from "../src/commands/migrate.ts";
import { serve } from "../src/commands/serve.ts";
import { readConfig } from "../src/config.ts";
import { createLog } from "../src/log.ts";
import { until } from "./helpers/until.ts";

const bin = installedPostgres15() ?? "";
const hasAll = bin !== "" && spawnSync("openssl", ["version"]).status === 0;
const identity = (() => {
  if (process.getuid?.() !== 0) return {};
  const found = Number(spawnSync("id", ["-u", "postgres"], { encoding: "utf8" }).stdout.trim() || 65_534);
  return { uid: found, gid: found };
})();

const rules = `host all locked 127.0.0.1/32 scram-sha-256
hostssl all onlytls 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
host all postgres 127.0.0.1/32 trust
`;

describe.runIf(hasAll)("a PostgreSQL with its own rules", () => {
  let folder: string;
  let postgres: ThrowawayPostgres;
  const own = (path: string) => identity.uid !== undefined && chownSync(path, identity.uid, identity.gid);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "chatkeep-setup-"));
    chmodSync(folder, 0o755);
    const [key, certificate, hba] = ["key.pem", "certificate.pem", "hba"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=other.example"];
    spawnSync("openssl", [...request, "-keyout", key, "-out", certificate]);
    writeFileSync(hba, rules);
    chmodSync(key, 0o600);
    for (const path of [key, certificate, hba]) own(path);
    const settings = ["ssl=on", `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`, `hba_file=${hba}`];
    postgres = await startPostgres(bin, settings);
    await using admin = openPg({ url: postgres.url, maxConnections: 1 });
    await admin.pool.query("create role locked login password 'right'; create role onlytls login");
  });
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each<[string, (url: URL) => void, RegExp]>([
    [
      "a certificate of nobody known",
      (url) => (url.search = "?sslmode=verify-full"),
      /from nobody who is trusted here: add sslrootcert=FILE/,
    ],
    [
      "another host's certificate",
      (url) => (url.search = `?sslmode=verify-full&sslrootcert=${folder}/certificate.pem`),
      /is for another host/,
    ],
    [
      "a wrong password",
      (url) => Object.assign(url, { username: "locked", password: "wrong" }),
      /refuses the user or the password/,
    ],
    ["no password", (url) => Object.assign(url, { username: "locked" }), /asks for a password: add it/],
    ["no TLS where it is wanted", (url) => Object.assign(url, { username: "onlytls" }), /may want TLS \(sslmode/],
  ])("%s is one sentence that says what to set", async (_what, change, sentence) => {
    const url = new URL(postgres.url);
    change(url);
    for (const command of [migrateDatabase, examine]) {
      const refused = await command({ engine: "pg", url: url.href }).then(() => undefined, translate);
      expect(refused).toMatchObject({ code: "unavailable", message: expect.stringMatching(sentence) });
    }
  });

  it("a standby lets nobody write and is not ready, until it is the primary", async () => {
    await migrateDatabase({ engine: "pg", url: postgres.url });
    const standby = await startStandby();
    const config = readConfig(
      { DATABASE_URL: standby.url, CHATKEEP_SECRET: "k".repeat(40), PORT: String(await freePort()) },
      {},
    );
    const serving = await serve(config, createLog("silent"));
    const ready = async () => (await fetch(`${serving.url}/readyz`)).status;
    const signUp = async (name: string) => {
      const body = JSON.stringify({ name, email: `${name}@example.com`, password: "correct horse" });
      const headers = { "content-type": "application/json", origin: serving.url };
      const response = await fetch(`${serving.url}/api/auth/sign-up/email`, { method: "POST", headers, body });
      return [response.status, await response.text()];
    };
    expect(await ready()).toBe(503);
    expect(await signUp("ann")).toEqual([503, expect.stringContaining("takes no writes just now")]);
    const { checks } = await examine({ engine: "pg", url: standby.url });
    expect(checks.filter(({ ok }) => !ok)).toEqual([
      { name: "writes", ok: false, found: expect.stringMatching(/standby/) },
    ]);
    await using admin = openPg({ url: standby.url, maxConnections: 1 });
    await admin.pool.query("select pg_promote(true)");
    await until(ready, (status) => status === 200);
    expect((await signUp("ann"))[0]).toBe(200);
    await serving.close(0);
    await standby.stop();
  });

  async function startStandby() {
    const place = join(folder, "standby");
    mkdirSync(place, { mode: 0o700 });
    own(place);
    const options = { ...identity, env: { PATH: process.env["PATH"] }, stdio: "ignore" } as const;
    const source = ["-h", "127.0.0.1", "-p", String(postgres.port), "-U", "postgres"];
    spawnSync(join(bin, "pg_basebackup"), [...source, "-D", place, "-R", "-X", "stream", "-c", "fast"], options);
    const port = await freePort();
    const settings = [
      `hba_file=${folder}/hba`,
      "listen_addresses=127.0.0.1",
      `unix_socket_directories=${place}`,
      "max_connections=200",
    ];
    const server: ChildProcess = spawn(
      join(bin, "postgres"),
      ["-D", place, "-p", String(port), ...settings.flatMap((each) => ["-c", each])],
      options,
    );
    const url = postgres.url.replace(String(postgres.port), String(port));
    await using probe = openPg({ url, maxConnections: 1 });
    await until(
      () =>
        probe.pool.query("select 1").then(
          () => true,
          () => false,
        ),
      Boolean,
    );
    const stop = async () => {
      const exit = once(server, "exit");
      server.kill("SIGINT");
      await exit;
    };
    return { url, stop };
  }
});
