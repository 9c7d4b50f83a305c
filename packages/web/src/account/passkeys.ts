/** Passkeys: a key in the device or keychain of a person, in place of a password. The browser asks for it, the server checks it. */
import { client } from "../client.ts";
import { t } from "../strings/index.ts";

/** Times are ISO 8601. */
export interface Passkey {
  id: string;
  name: string;
  /** Kept in a keychain that all devices of the person share. */
  isBackedUp: boolean;
  createdAt: string;
  lastUsedAt: string | null;
}

const post = <Body>(path: string, json: object) =>
  client.request<Body>(`/auth/passkey/${path}`, { method: "POST", json });

/** Whether passkeys can be used on this page. `domain`: whose pages the server's are for. */
export function hasPasskeys(domain: string | null | undefined): boolean {
  if (!domain || !("PublicKeyCredential" in window)) return false;
  return location.hostname === domain || location.hostname.endsWith(`.${domain}`);
}

export const passkeys = {
  list: () => client.request<Passkey[]>("/auth/passkey/list-user-passkeys"),
  /** `password`: where one has one. */
  add: async (name: string, password: string | undefined) => {
    const { startRegistration } = await import("@simplewebauthn/browser");
    const optionsJSON = await post<never>("generate-register-options", { password });
    const response = await startRegistration({ optionsJSON }).catch(inOurWords);
    return await post<Passkey>("verify-registration", { name, response });
  },
  signIn: async () => {
    const { startAuthentication } = await import("@simplewebauthn/browser");
    const optionsJSON = await post<never>("generate-authenticate-options", {});
    const response = await startAuthentication({ optionsJSON }).catch(inOurWords);
    await post("verify-authentication", { response });
  },
  rename: (id: string, name: string) => post<Passkey>("update-passkey", { id, name }),
  remove: (id: string) => post("delete-passkey", { id }),
};

/** What browsers say is not meant for people: Web Authentication Level 3, §5.1.3 and §5.1.4. */
function inOurWords(error: unknown): never {
  const { name } = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
  if (name === "NotAllowedError" || name === "AbortError") throw new Error(t.passkeys.cancelled);
  if (name === "InvalidStateError") throw new Error(t.passkeys.known);
  throw new Error(t.passkeys.failed);
}
