/** What this server notes of a conversation in its metadata, beside what others note there. */
import type { Conversation, Store } from "chatkeep";

/** `null` takes it away. Nothing else of the metadata changes, whoever writes at the same moment. @throws not_found */
export async function noteOfConversation(
  store: Store,
  userId: string,
  conversationId: string,
  name: "projectId" | "settings" | "tags",
  value: unknown,
): Promise<Conversation> {
  return await store.forUser(userId).transaction(conversationId, async ({ conversations }) => {
    const conversation = await conversations.get(conversationId);
    const { [name]: before, ...others } = conversation.metadata ?? {};
    if (JSON.stringify(before ?? null) === JSON.stringify(value)) return conversation;
    const next = value === null ? others : { ...others, [name]: value };
    return await conversations.update(conversationId, { metadata: Object.keys(next).length > 0 ? next : null });
  });
}
