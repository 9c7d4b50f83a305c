/** API keys, as the server has them. */
import { client } from "../client.ts";

/** All of a key but the key. Times are ISO 8601. */
export interface ApiKey {
  id: string;
  name: string;
  /** Its first characters. */
  start: string;
  isReadOnly: boolean;
  expiresAt: string | null;
  /** To the hour. */
  lastUsedAt: string | null;
  createdAt: string;
}

export interface NewKey {
  name: string;
  isReadOnly: boolean;
  /** Without it the key never ends. */
  expiresInDays?: number;
}

export const keys = {
  list: async () => (await client.request<{ items: ApiKey[] }>("/keys")).items,
  /** The answer alone has the key itself. */
  create: (json: NewKey) => client.request<ApiKey & { key: string }>("/keys", { method: "POST", json }),
  revoke: ({ id }: Pick<ApiKey, "id">) =>
    client.request<unknown>(`/keys/${encodeURIComponent(id)}`, { method: "DELETE" }),
};
