/** Trees of Open Assistant, one JSON object a line. @see https://huggingface.co/datasets/OpenAssistant/oasst1 */
import type { NewMessage } from "chatkeep";
import { v5 as uuidOf } from "uuid";
import { z } from "zod";

export interface ImportedConversation {
  /** The same for the same user and tree, so that importing again finds it; another for another user. */
  id: string;
  /** What it is called in the file. */
  source: string;
  messages: (NewMessage & { id: string })[];
}

/** One message without what follows it: a tree may be deeper than functions can call each other. */
const messageSchema = z.object({
  message_id: z.string().min(1),
  text: z.string().min(1),
  role: z.enum(["prompter", "assistant"]),
  rank: z.number().nullish(),
  replies: z.array(z.unknown()),
});

const treeSchema = z.object({ message_tree_id: z.string().min(1), prompt: z.unknown() });

interface Place {
  value: unknown;
  parentId: string | null;
  /** For the sentence of a fault. */
  path: string;
}

/** A message of a tree that is not one. */
export class TreeError extends Error {}

/** One line as a conversation. @throws SyntaxError and TreeError when it is none */
export function readOasstTree(line: string, userId: string): ImportedConversation {
  return readOasstValue(JSON.parse(line), userId);
}

/** The same of what was parsed already. @throws TreeError */
export function readOasstValue(value: unknown, userId: string): ImportedConversation {
  const { message_tree_id: source, prompt } = checked(treeSchema, value, "");
  const idOf = (name: string) => uuidOf(`oasst:${name}`, userId);
  return { id: idOf(source), source, messages: [...inOrder(prompt, idOf)] };
}

/** Parents before children, and the best-ranked reply last, so that the head of the conversation ends the best branch. */
function* inOrder(prompt: unknown, idOf: (name: string) => string): Generator<NewMessage & { id: string }> {
  const next: Place[] = [{ value: prompt, parentId: null, path: "prompt" }];
  for (let place = next.pop(); place; place = next.pop()) {
    const { message_id, text, role, replies } = checked(messageSchema, place.value, place.path);
    const id = idOf(message_id);
    yield { id, parentId: place.parentId, role: role === "assistant" ? "assistant" : "user", content: text };
    const path = place.path.length < 100 ? `${place.path}.replies` : place.path;
    // What is put last is taken first.
    for (const value of replies.reverse().sort((a, b) => rankOf(a) - rankOf(b)))
      next.push({ value, parentId: id, path });
  }
}

function rankOf(reply: unknown): number {
  const rank = (reply as { rank?: unknown } | null)?.rank;
  return typeof rank === "number" ? rank : 0;
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, path: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = [path, ...(issue?.path ?? [])].filter((part) => part !== "").join(".");
  throw new TreeError(`${where || "The line"}: ${issue?.message ?? "is not valid"}.`);
}
