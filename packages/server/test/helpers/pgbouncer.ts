/** PgBouncer in transaction mode, where it is installed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../chatkeep/test/helpers/throwaway-postgres.ts";

const program = "/usr/sbin/pgbouncer";
const nobody = 65_534;

export function installedPgBouncer(): boolean {
  return existsSync(program);
}

/** In front of a PostgreSQL that trusts everybody; four connections for all transactions. */
export async function startPgBouncer(target: string): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "chatkeep-pgbouncer-"));
  const port = await freePort();
  const url = new URL(target);
  const settings = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "any",
    pool_mode: "transaction",
    default_pool_size: 4,
  };
  const file = join(folder, "pgbouncer.ini");
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const place = `host=127.0.0.1 port=${url.port} user=${url.username} dbname=${url.pathname.slice(1)}`;
  writeFileSync(file, `[databases]\n* = ${place}\n[pgbouncer]\n${lines.join("\n")}\n`);
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, nobody, nobody);
  const child = spawn(program, [file], { stdio: "ignore", ...(isRoot && { uid: nobody, gid: nobody }) });
  for (let tries = 0; tries < 100 && !(await answers(port)); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  url.port = String(port);
  url.searchParams.set("pgbouncer", "true");
  const stop = async () => {
    const exit = once(child, "exit");
    child.kill("SIGINT");
    await exit;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: url.href, stop };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
