/** Signing in and what belongs to it: Better Auth's routes, which are this server's own. */
import { client } from "../client.ts";

export interface Person {
  id: string;
  name: string;
  email: string;
  /** Has followed a link that was sent there. */
  emailVerified?: boolean;
  /** Sees who there is, and may invite and remove them. */
  isAdmin?: boolean | null;
  /** Has begun without an account. */
  isAnonymous?: boolean | null;
}

/** Which ways to sign in the server has. */
export interface Ways {
  anonymous: boolean;
  signUp: boolean;
  invitations: boolean;
  /** Links can be sent. */
  mail: boolean;
  /** The provider that one can sign in by, as people know it. */
  oidc: string | null;
  /** The domain whose pages can sign in with passkeys. */
  passkeys: string | null;
  sharing: boolean;
}

export interface Session {
  id: string;
  token: string;
  createdAt: string;
  userAgent?: string | null;
}

const read = <Body>(path: string) => client.request<Body>(`/auth/${path}`);
const post = (path: string, json: object) => client.request<unknown>(`/auth/${path}`, { method: "POST", json });

export const account = {
  current: async () => (await read<{ user: Person } | null>("get-session"))?.user ?? null,
  signIn: (email: string, password: string) => post("sign-in/email", { email, password }),
  /** `invitation`: of the link, where accounts are made by invitation. */
  signUp: (name: string, email: string, password: string, invitation?: string) =>
    post(`sign-up/email${invitation ? `?${new URLSearchParams({ invitation })}` : ""}`, {
      name,
      email,
      password,
    }),
  /** Leads to the provider; who comes back is signed in. */
  signInByProvider: async () => {
    const { url } = await client.request<{ url: string }>("/auth/sign-in/social", {
      method: "POST",
      json: { provider: "oidc", callbackURL: "/", errorCallbackURL: "/", disableRedirect: true },
    });
    location.assign(url);
  },
  /** Whoever came by a provider has none. */
  hasPassword: async () =>
    (await read<{ providerId: string }[]>("list-accounts")).some(({ providerId }) => providerId === "credential"),
  forgotPassword: (email: string) => post("request-password-reset", { email }),
  resetPassword: (token: string, newPassword: string) => post("reset-password", { token, newPassword }),
  changeEmail: (newEmail: string, password: string) => post("change-email", { newEmail, password }),
  confirmEmail: (email: string) => post("send-verification-email", { email }),
  /** `token`: of the link that was sent. */
  verifyEmail: (token: string) => read<unknown>(`verify-email?${new URLSearchParams({ token })}`),
  ways: () => client.request<Ways>("/sign-in"),
  /** Begins without an account; signing up or in later takes along what there is by then. */
  begin: () => post("sign-in/anonymous", {}),
  /** Deletes whoever has begun without an account, with all there is of them. */
  leave: () => post("delete-anonymous-user", {}),
  signOut: () => post("sign-out", {}),
  rename: (name: string) => post("update-user", { name }),
  changePassword: (currentPassword: string, newPassword: string) =>
    post("change-password", { currentPassword, newPassword, revokeOtherSessions: false }),
  sessions: async () => {
    const [current, list] = await Promise.all([
      read<{ session: Session } | null>("get-session"),
      read<Session[]>("list-sessions"),
    ]);
    return list.map((session) => ({ ...session, isThis: session.id === current?.session.id }));
  },
  endSession: (token: string) => post("revoke-session", { token }),
  /** Without a password for who has none. */
  delete: (password: string | undefined) => post("delete-user", { password }),
  exportUrl: client.url("/export"),
};
