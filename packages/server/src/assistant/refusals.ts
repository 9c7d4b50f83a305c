/** What an endpoint refuses, by its status and its own words: each of them says it in another way. */
import { wordsIn } from "./endpoint-words.ts";
import { type ChatBody, hasOmittable, type Omission } from "./omissions.ts";

const maxText = 16 * 1024;
const statuses = new Set([400, 404, 405, 415, 422, 500, 501]);

/** Words that refuse a thing, beside the name of the thing. */
const refusing = [
  "not support",
  "n't support",
  "unsupported",
  "only supported",
  "no endpoints found that support",
  "not enabled",
  "not permitted",
  "not allowed",
  "unrecognized",
  "unknown",
  "unexpected",
  "extra inputs",
  "extra fields",
  "additional properties",
  "requires",
  "not a multimodal",
  "must be a string",
  "valid string",
  "are supported",
  "is supported",
  "must alternate",
  "invalid value",
  "invalid role",
  "not a valid",
];

/** From the one whose name can mean nothing else to the widest. */
const names: readonly { omission: Omission; words: readonly string[]; unless?: readonly string[] }[] = [
  { omission: "stream_options", words: ["stream_options", "include_usage"] },
  { omission: "reasoning", words: ["reasoning_content", "reasoning content"] },
  {
    omission: "files",
    words: [
      "image",
      "vision",
      "multimodal",
      "multi-modal",
      "input_audio",
      "video_url",
      "content type",
      "a string",
      "valid string",
    ],
    unless: ["format", "decode", "download", "too large", "size"],
  },
  {
    omission: "system",
    words: [
      "system role",
      "role system",
      "'system'",
      '"system"',
      "`system`",
      "system message",
      "system prompt",
      "system instruction",
      "developer instruction",
      "assistant roles",
      "roles must alternate",
      "'role'",
      '"role"',
      "].role",
      "user and assistant",
      "user or assistant",
    ],
  },
  { omission: "tools", words: ["tool", "function call", "functions"] },
];

/** What to leave out of this request, if that is why it was refused. */
export function refusedPart(status: number, text: string, body: ChatBody): Omission | undefined {
  const said = text.slice(0, maxText).toLowerCase();
  if (!statuses.has(status) || isTooLong(status, text)) return undefined;
  if (!refusing.some((words) => said.includes(words))) return undefined;
  const found = names.find(
    ({ omission, words, unless = [] }) =>
      hasOmittable(body, omission) &&
      words.some((word) => said.includes(word)) &&
      !unless.some((word) => said.includes(word)),
  );
  return found?.omission;
}

const tooLong = [
  "context_length",
  "context length",
  "context window",
  "context size",
  "context_size",
  "context limit",
  "context the overflow",
  "maximum prompt length",
  "prompt is too long",
  "prompt too long",
  "input is too long",
  "input length",
  "input token count",
  "too many tokens",
  "token limit",
  "number of tokens allowed",
  "maximum model length",
  "max_model_len",
  "reduce the length",
  "reduce your message size",
  "`inputs` tokens",
  "string too long",
  "string_above_max_length",
];

/** Whether the endpoint says that the conversation is longer than it takes. */
export function isTooLong(status: number | undefined, text: string): boolean {
  if (status === 413) return true;
  if (status === 401 || status === 403 || status === 429) return false;
  const said = `${wordsIn(text)} ${text.slice(0, maxText)}`.toLowerCase();
  return tooLong.some((words) => said.includes(words));
}
