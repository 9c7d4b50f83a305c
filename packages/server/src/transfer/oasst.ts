/** Trees of Open Assistant, one JSON object a line. @see https://huggingface.co/datasets/OpenAssistant/oasst1 */
import type { NewMessage } from "chatkeep";
import { v5 as uuidOf } from "uuid";
import { z } from "zod";

export interface ImportedConversation {
  /** The same for the same user and tree, so that importing again finds it; another for another user. */
  id: string;
  /** What it is called in the file. */
  source: string;
  messages: NewMessage[];
}

interface OasstMessage {
  message_id: string;
  text: string;
  role: string;
  rank?: number | null | undefined;
  replies: OasstMessage[];
}

const messageSchema: z.ZodType<OasstMessage> = z.object({
  message_id: z.string().min(1),
  text: z.string().min(1),
  role: z.enum(["prompter", "assistant"]),
  rank: z.number().nullish(),
  replies: z.lazy(() => z.array(messageSchema)),
});

const treeSchema = z.object({ message_tree_id: z.string().min(1), prompt: messageSchema });

/** One line as a conversation. @throws SyntaxError and ZodError when it is none */
export function readOasstTree(line: string, userId: string): ImportedConversation {
  const { message_tree_id: source, prompt } = treeSchema.parse(JSON.parse(line));
  const idOf = (name: string) => uuidOf(`oasst:${name}`, userId);
  return { id: idOf(source), source, messages: [...inOrder(prompt, null, idOf)] };
}

/** Parents before children, and the best-ranked reply last, so that the head of the conversation ends the best branch. */
function* inOrder(
  message: OasstMessage,
  parentId: string | null,
  idOf: (name: string) => string,
): Generator<NewMessage> {
  const id = idOf(message.message_id);
  yield { id, parentId, role: message.role === "assistant" ? "assistant" : "user", content: message.text };
  const worstFirst = [...message.replies].sort((a, b) => (b.rank ?? 0) - (a.rank ?? 0));
  for (const reply of worstFirst) yield* inOrder(reply, id, idOf);
}
