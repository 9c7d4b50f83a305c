/** Links to conversations, as the server has them. */
import { client } from "../client.ts";

/** Times are ISO 8601. */
export interface Link {
  id: string;
  /** The page that anybody with it reads. */
  url: string;
  conversationId: string;
  /** Of the conversation. */
  title: string | null;
  createdAt: string;
  expiresAt: string | null;
}

export interface NewLink {
  conversationId: string;
  /** Without it the link never ends. */
  expiresInDays?: number;
}

export const links = {
  /** All, or those of one conversation. */
  list: async (conversationId?: string) => {
    const query = conversationId === undefined ? "" : `?conversationId=${encodeURIComponent(conversationId)}`;
    return (await client.request<{ items: Link[] }>(`/shares${query}`)).items;
  },
  create: (json: NewLink) => client.request<Link>("/shares", { method: "POST", json }),
  end: ({ id }: Pick<Link, "id">) => client.request<unknown>(`/shares/${encodeURIComponent(id)}`, { method: "DELETE" }),
};

export const linksKey = (conversationId?: string) => ["links", conversationId ?? "all"];
