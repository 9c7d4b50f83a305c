/** What one user may take of a server at once, so that others are served beside them. Each server counts for itself. */
import { type Quota, RateLimitedError, UnavailableError } from "chatkeep";
import type { Quotas } from "chatkeep/replies";
import { RateLimiterMemory } from "rate-limiter-flexible";

/** What one user may take of a server at once. */
export interface Limits {
  /** Event streams and followed replies that one user has open. */
  streamsPerUser: number;
  /** Replies of one user that are being written, each of which is a call of the model. */
  repliesPerUser: number;
  /** Bytes of bodies that requests of one user have under way, and those of all users. */
  bodyBytesPerUser: number;
  bodyBytes: number;
  /** Bytes of long answers that one user has asked for and not taken yet, and those of all users. */
  answerBytesPerUser: number;
  answerBytes: number;
  /** Exports and imports of one user at once. */
  transfersPerUser: number;
  /** Files for messages that one user sends at once. */
  uploadsPerUser: number;
  /** Rows that one user may write within an hour: conversations, messages, tasks. */
  rowsPerHour: number;
}

export type { Quotas };

/** Those of one user, as a list or a function of the host's says it. */
export async function quotasFor(quotas: Quotas = [], userId: string): Promise<readonly Quota[]> {
  return typeof quotas === "function" ? await quotas(userId) : quotas;
}

const megabyte = 1024 * 1024;

/** What holds where nothing else was set. */
export const defaultLimits: Readonly<Limits> = {
  streamsPerUser: 200,
  repliesPerUser: 32,
  bodyBytesPerUser: 64 * megabyte,
  bodyBytes: 256 * megabyte,
  answerBytesPerUser: 128 * megabyte,
  answerBytes: 512 * megabyte,
  transfersPerUser: 2,
  uploadsPerUser: 8,
  rowsPerHour: 1_000_000,
};

/** What is taken and given back. */
export interface Slots {
  /** Takes some, and gives the way to give them back, once. @throws rate_limited, unavailable where others have all of it; both with `retryAfter`, in seconds */
  take(userId: string, count?: number): () => void;
}

export interface SlotsOptions {
  perUser: number;
  /** Of all users together. */
  total?: number | undefined;
  /** What is said when there are no more; the number is put in front of it. */
  sentence: string;
  retryAfter?: number | undefined;
}

export function createSlots({
  perUser,
  total = Number.POSITIVE_INFINITY,
  sentence,
  retryAfter = 5,
}: SlotsOptions): Slots {
  const taken = new Map<string, number>();
  let sum = 0;
  return {
    take: (userId, count = 1) => {
      const mine = taken.get(userId) ?? 0;
      if (mine + count > perUser) throw tooMany(`${perUser} ${sentence}`, perUser, retryAfter);
      if (sum + count > total) {
        throw new UnavailableError("The server has too much to do just now: try again.", { details: { retryAfter } });
      }
      taken.set(userId, mine + count);
      sum += count;
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        sum -= count;
        const left = (taken.get(userId) ?? 0) - count;
        if (left > 0) taken.set(userId, left);
        else taken.delete(userId);
      };
    },
  };
}

/** Counts what a user writes. */
export interface Rows {
  /** @throws rate_limited with `retryAfter`, in seconds; then nothing may be written */
  take(userId: string, count: number): Promise<void>;
}

export function createRows(rowsPerHour: number): Rows {
  const limiter = new RateLimiterMemory({ points: rowsPerHour, duration: 3_600 });
  return {
    take: async (userId, count) => {
      try {
        await limiter.consume(userId, count);
      } catch (refused) {
        if (refused instanceof Error) throw refused;
        const { msBeforeNext } = refused as { msBeforeNext: number };
        const retryAfter = Math.ceil(msBeforeNext / 1_000);
        throw tooMany(`${rowsPerHour} rows an hour are the limit of one user: go on later.`, rowsPerHour, retryAfter);
      }
    },
  };
}

const [beginningsPerHour, hourSeconds] = [20, 3_600];

/** Counts who begins without an account from an address, where sign-in does not do that itself. */
export function createBeginnings(): { take(address: string | undefined): Promise<void> } {
  const limiter = new RateLimiterMemory({ points: beginningsPerHour, duration: hourSeconds });
  return {
    take: async (address = "") => {
      try {
        await limiter.consume(address);
      } catch (refused) {
        if (refused instanceof Error) throw refused;
        const retryAfter = Math.ceil((refused as { msBeforeNext: number }).msBeforeNext / 1_000);
        const sentence = `${beginningsPerHour} beginnings an hour are the limit of one address: sign in, or try again later.`;
        throw tooMany(sentence, beginningsPerHour, retryAfter);
      }
    },
  };
}

function tooMany(sentence: string, limit: number, retryAfter: number): RateLimitedError {
  return new RateLimitedError(sentence, { details: { limit, retryAfter } });
}
