/** Measuring contenders beside each other: rounds that take turns, in an order that changes, so that a busy machine is busy for all. */
import { readFileSync } from "node:fs";
import type { Pool } from "pg";
/** How long, how often, and how much. */
export interface Scale {
  rounds: number;
  roundMs: number;
  /** Of the longest list. */
  conversations: number;
  /** Whether what only completes the picture is measured too. */
  isWhole: boolean;
}

export interface Contender {
  name: string;
  /** One operation. */
  run(): Promise<unknown>;
}

export interface Figures {
  name: string;
  /** Operations per second, the median of the rounds. */
  perSecond: number;
  /** To the first contender, the median of what each round gave. */
  ratio: number;
  p50Us: number;
  p99Us: number;
  /** For one operation; missing where nobody counts. */
  statements: number | undefined;
  walBytes: number | undefined;
  clientCpuUs: number;
  databaseCpuUs: number | undefined;
}

/** What the database has done so far. */
export interface Counter {
  read(): Promise<Count>;
}

interface Count {
  statements: number;
  walBytes: number;
  /** Of each process of the server, by its id. */
  cpuUs: Map<number, number>;
}

/** Counts by pg_stat_statements, the position in the log of writes, and the processes of the server. */
export function counterOf(pool: Pool): Counter {
  return {
    read: async () => {
      const { rows } = await pool.query(`
        select (select coalesce(sum(calls), 0)::float from pg_stat_statements) as statements,
          pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float as wal, array_agg(pid) as pids
        from pg_stat_activity`);
      const { statements, wal, pids } = rows[0] as { statements: number; wal: number; pids: number[] };
      return { statements, walBytes: wal, cpuUs: new Map(pids.map((pid) => [pid, cpuOf(pid)])) };
    },
  };
}

/** Microseconds that a process has worked, where the system tells that in /proc. */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return 0;
  }
}

/** What was worked between two counts; a process that has ended in between is not counted. */
function workedUs(before: Count | undefined, after: Count | undefined): number {
  let sum = 0;
  for (const [pid, cpuUs] of after?.cpuUs ?? []) sum += cpuUs - (before?.cpuUs.get(pid) ?? 0);
  return sum;
}

interface Tally {
  rates: number[];
  micros: number[];
  operations: number;
  statements: number;
  walBytes: number;
  clientCpuUs: number;
  databaseCpuUs: number;
}

export interface Setting {
  callers: number;
  rounds: number;
  roundMs: number;
  counter?: Counter | undefined;
}

export async function compare(contenders: readonly Contender[], setting: Setting): Promise<Figures[]> {
  const tallies = contenders.map((): Tally => {
    return { rates: [], micros: [], operations: 0, statements: 0, walBytes: 0, clientCpuUs: 0, databaseCpuUs: 0 };
  });
  for (const contender of contenders) await round(contender, { ...setting, roundMs: setting.roundMs / 2 });
  for (let turn = 0; turn < setting.rounds; turn += 1) {
    for (const index of shifted(contenders.length, turn)) {
      const [contender, tally] = [contenders[index], tallies[index]];
      if (contender && tally) add(tally, await round(contender, setting));
    }
  }
  const first = tallies[0]?.rates ?? [];
  return contenders.map(({ name }, index) => {
    const tally = tallies[index] as Tally;
    const each = (total: number) => total / tally.operations;
    return {
      name,
      perSecond: median(tally.rates),
      ratio: median(tally.rates.map((rate, turn) => rate / (first[turn] ?? Number.NaN))),
      p50Us: quantile(tally.micros, 0.5),
      p99Us: quantile(tally.micros, 0.99),
      statements: setting.counter && each(tally.statements),
      walBytes: setting.counter && each(tally.walBytes),
      clientCpuUs: each(tally.clientCpuUs),
      databaseCpuUs: setting.counter && each(tally.databaseCpuUs),
    };
  });
}

async function round({ run }: Contender, { callers, roundMs, counter }: Setting): Promise<Tally> {
  const before = await counter?.read();
  const cpu = process.cpuUsage();
  const micros: number[] = [];
  const start = performance.now();
  const end = start + roundMs;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let began = performance.now(); began < end; ) {
        await run();
        const ended = performance.now();
        micros.push((ended - began) * 1_000);
        began = ended;
      }
    }),
  );
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const after = await counter?.read();
  return {
    rates: [micros.length / seconds],
    micros,
    operations: micros.length,
    statements: (after?.statements ?? 0) - (before?.statements ?? 0),
    walBytes: (after?.walBytes ?? 0) - (before?.walBytes ?? 0),
    clientCpuUs: user + system,
    databaseCpuUs: workedUs(before, after),
  };
}

function add(tally: Tally, more: Tally): void {
  tally.rates.push(...more.rates);
  for (const value of more.micros) tally.micros.push(value);
  tally.operations += more.operations;
  tally.statements += more.statements;
  tally.walBytes += more.walBytes;
  tally.clientCpuUs += more.clientCpuUs;
  tally.databaseCpuUs += more.databaseCpuUs;
}

const shifted = (length: number, by: number) => Array.from({ length }, (_, index) => (index + by) % length);

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
