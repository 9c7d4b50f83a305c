/** Who a request comes from, remembered for a moment, so that not every request asks the database. */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { type Auth, identityOf } from "./auth.ts";
import type { Identity } from "./jwt.ts";

export interface Sessions {
  /** The id of the user who sent this request. @throws unauthenticated, unavailable */
  userIdOf(headers: Headers): Promise<string>;
  /** What is known of this user's requests is looked up again. */
  forget(userId: string): void;
}

/** The sessions of this server's own sign-in. */
export interface OwnSessions extends Sessions {
  /** As `userIdOf`, with what the request may do: a read-only API key changes nothing. @throws unauthenticated, unavailable */
  identityOf(headers: Headers): Promise<Identity>;
}

/**
 * For so long a session that was ended on another server, or a user who was deleted there, is still known here if the
 * notification of it does not arrive. On the server where that happens it is forgotten at once.
 */
const rememberedMs = 5_000;
const maxRemembered = 10_000;

interface Remembered {
  identity: Promise<Identity>;
  /** Known when it was found. */
  userId?: string;
}

export function createSessions(auth: Auth): OwnSessions {
  // Its time is that of the process, which no clock that is set back makes longer.
  const remembered = new LRUCache<string, Remembered>({ max: maxRemembered, ttl: rememberedMs, ttlAutopurge: true });

  async function rememberedIdentity(headers: Headers): Promise<Identity> {
    if (!auth.proofOf) return await identityOf(auth, headers);
    const key = createHash("sha256").update(auth.proofOf(headers)).digest("base64");
    const known = remembered.get(key);
    if (known) return await known.identity;
    const entry: Remembered = { identity: identityOf(auth, headers) };
    remembered.set(key, entry);
    try {
      const identity = await entry.identity;
      const { userId, expiresAt } = identity;
      entry.userId = userId;
      const ttl = Math.min(rememberedMs, expiresAt.getTime() - Date.now());
      if (remembered.peek(key) === entry) ttl > 0 ? remembered.set(key, entry, { ttl }) : remembered.delete(key);
      return identity;
    } catch (error) {
      if (remembered.peek(key) === entry) remembered.delete(key);
      throw error;
    }
  }

  function forget(userId: string): void {
    for (const [key, entry] of remembered.entries()) {
      // What is being looked up now may have been read before the change.
      if (entry.userId === userId || entry.userId === undefined) remembered.delete(key);
    }
  }

  return {
    userIdOf: async (headers) => (await rememberedIdentity(headers)).userId,
    identityOf: rememberedIdentity,
    forget,
  };
}
