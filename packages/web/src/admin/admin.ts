/** What administrators ask of the server. Times are ISO 8601. */
import type { ErasureReceipt, Page } from "chatkeep/client";
import { client } from "../client.ts";

export interface Account {
  id: string;
  email: string;
  name: string;
  emailVerified: boolean;
  isAdmin: boolean;
  createdAt: string;
  seenAt: string | null;
  conversations: number;
  messages: number;
  fileBytes: number;
  /** Of the last thirty days, as the tokens. */
  replies: number;
  tokens: number;
}

export interface Invitation {
  id: string;
  email: string;
  expiresAt: string;
}

export interface UsageOfAll {
  day: string;
  model: string;
  users: number;
  replies: number;
  inputTokens: number;
  outputTokens: number;
}

export interface Health {
  version: string;
  checks: { name: string; ok: boolean; found: string }[];
  findings: { level: string; about: string; found: string; why: string; mend: string }[];
}

/** An endpoint that is connected; its key is told to nobody. */
export interface Connection {
  baseUrl: string;
  models: string[];
  hasKey: boolean;
}

export interface GivenConnection {
  baseUrl: string;
  models: string[];
  /** Left out: the one that is kept. */
  apiKey?: string;
}

/** A link that is told once. */
export interface MadeLink {
  link: string;
  isSent: boolean;
}

const ofUser = (id: string) => `/admin/users/${id}`;

export const admin = {
  users: (search: string, cursor: string | undefined) => {
    const query = new URLSearchParams({ ...(search && { search }), ...(cursor && { cursor }) });
    return client.request<Page<Account>>(`/admin/users?${query}`);
  },
  setAdmin: (id: string, isAdmin: boolean) =>
    client.request<unknown>(ofUser(id), { method: "PATCH", json: { isAdmin } }),
  remove: (id: string) => client.request<{ receipt: ErasureReceipt }>(ofUser(id), { method: "DELETE" }),
  passwordLink: (id: string) =>
    client.request<{ link: string | null; isSent: boolean }>(`${ofUser(id)}/password-link`, {
      method: "POST",
      json: {},
    }),
  invitations: async () => (await client.request<{ items: Invitation[] }>("/admin/invitations")).items,
  invite: (email: string) =>
    client.request<Invitation & MadeLink>("/admin/invitations", { method: "POST", json: { email } }),
  takeBack: (id: string) => client.request<unknown>(`/admin/invitations/${id}`, { method: "DELETE" }),
  usage: async () => (await client.request<{ items: UsageOfAll[] }>("/admin/usage")).items,
  model: () => client.request<{ isOpen: boolean; connection: Connection | null }>("/admin/model"),
  testModel: (json: GivenConnection) =>
    client.request<{ answer: string }>("/admin/model/test", { method: "POST", json }),
  connectModel: (json: GivenConnection) => client.request<Connection>("/admin/model", { method: "PUT", json }),
  disconnectModel: () => client.request<unknown>("/admin/model", { method: "DELETE" }),
  health: () => client.request<Health>("/admin/health"),
};
