/** Who a credential belongs to, remembered for a moment, so that not every request asks the database. */
import type { Database } from "chatkeep";
import { type Auth, type Identity, identityOf } from "./auth.ts";

export interface SessionsOptions {
  auth: Auth;
  db: Database;
  url: string;
}

export interface Sessions {
  /** The id of the user who sent this request. @throws unauthenticated, unavailable */
  userIdOf(headers: Headers): Promise<string>;
  /** Call it before sessions of whoever sends this request are changed, and what it gives afterwards: then they are forgotten. */
  forgetting(headers: Headers): Promise<() => void>;
}

/**
 * For so long a session that was ended on another server, or a user who was deleted there, is still known here. On the server
 * where that happens it is forgotten at once.
 */
const rememberedMs = 5_000;
const mostRemembered = 10_000;

interface Remembered {
  identity: Promise<Identity>;
  /** Known when it was found. */
  userId?: string;
  until: number;
}

export function createSessions({ auth, db, url }: SessionsOptions): Sessions {
  /** By what a client shows; the oldest first. */
  const remembered = new Map<string, Remembered>();

  async function userIdOf(headers: Headers): Promise<string> {
    const credential = credentialOf(headers);
    const known = remembered.get(credential);
    if (known && known.until > Date.now()) return (await known.identity).userId;
    const entry: Remembered = { identity: identityOf(auth, db, url, headers), until: Date.now() + rememberedMs };
    remembered.delete(credential);
    remembered.set(credential, entry);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= mostRemembered) break;
      remembered.delete(oldest);
    }
    try {
      const { userId, expiresAt } = await entry.identity;
      entry.userId = userId;
      entry.until = Math.min(entry.until, expiresAt.getTime());
      return userId;
    } catch (error) {
      if (remembered.get(credential) === entry) remembered.delete(credential);
      throw error;
    }
  }

  async function forgetting(headers: Headers): Promise<() => void> {
    const userId = await userIdOf(headers).catch(() => undefined);
    return () => {
      for (const [credential, entry] of remembered) {
        // What is being looked up now may have been read before the change.
        if (entry.userId === userId || entry.userId === undefined) remembered.delete(credential);
      }
    };
  }

  return { userIdOf, forgetting };
}

/** All that says who is asking, and nothing that a client may add to it at will. */
function credentialOf(headers: Headers): string {
  const [cookie] = /(?:__Secure-)?chatkeep\.session_token=[^;]*/.exec(headers.get("cookie") ?? "") ?? [];
  return `${headers.get("authorization") ?? ""}\n${cookie ?? ""}`;
}
