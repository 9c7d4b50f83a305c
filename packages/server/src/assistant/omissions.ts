/** Requests to an endpoint without what it does not take, as little changed as can be: nothing that was said is lost. */

/** What can be left out, by the names that the configuration has for it. */
export const omissions = ["tools", "system", "reasoning", "stream_options", "files"] as const;

export type Omission = (typeof omissions)[number];

interface ContentPart {
  type: string;
  text?: string;
}

interface ToolCall {
  id: string;
  function: { name: string; arguments: string };
}

interface ChatMessage {
  role: string;
  content: string | null | ContentPart[];
  tool_calls?: ToolCall[] | undefined;
  tool_call_id?: string;
  reasoning_content?: string;
}

/** The body of a request for a chat completion, as far as it matters here. */
export interface ChatBody {
  messages: ChatMessage[];
  tools?: unknown[] | undefined;
  stream_options?: unknown;
  [key: string]: unknown;
}

/** Whether the request has it. */
export function hasOmittable({ messages, tools, stream_options }: ChatBody, omission: Omission): boolean {
  switch (omission) {
    case "tools":
      return Boolean(tools?.length) || messages.some(({ role, tool_calls }) => role === "tool" || tool_calls);
    case "system":
      return messages.some(({ role }) => role === "system");
    case "reasoning":
      return messages.some(({ reasoning_content }) => reasoning_content !== undefined);
    case "stream_options":
      return stream_options !== undefined;
    case "files":
      return messages.some(({ content }) => Array.isArray(content));
  }
}

export function without(body: ChatBody, left: Iterable<Omission>): ChatBody {
  let rest = body;
  for (const omission of left) if (hasOmittable(rest, omission)) rest = leaveOut[omission](rest);
  return rest;
}

const leaveOut: Record<Omission, (body: ChatBody) => ChatBody> = {
  tools: ({ tools: _, tool_choice: __, parallel_tool_calls: ___, messages, ...body }) => ({
    ...body,
    messages: toolsInWords(messages),
  }),
  system: ({ messages, ...body }) => ({ ...body, messages: systemInFirstQuestion(messages) }),
  reasoning: ({ messages, ...body }) => ({
    ...body,
    messages: messages.map(({ reasoning_content: _, ...message }) => message),
  }),
  stream_options: ({ stream_options: _, ...body }) => body,
  files: ({ messages, ...body }) => ({
    ...body,
    messages: messages.map((message) => ({ ...message, content: inWords(message.content) })),
  }),
};

/** Templates that know no tools mostly want questions and answers by turns: calls and results become part of one answer. */
function toolsInWords(messages: readonly ChatMessage[]): ChatMessage[] {
  const told: ChatMessage[] = [];
  for (const { tool_calls = [], tool_call_id: _, ...message } of messages) {
    const last = told.at(-1);
    const calls = tool_calls.map(({ function: { name, arguments: input } }) => `[${name}(${input})]`);
    const own = message.role === "tool" ? `[It gave: ${inWords(message.content)}]` : inWords(message.content);
    const isAnswer = message.role === "assistant" || message.role === "tool";
    if (!isAnswer) told.push(message);
    else if (last?.role === "assistant") last.content = lines(inWords(last.content), own, ...calls);
    else told.push({ ...message, role: "assistant", content: lines(own, ...calls) });
  }
  return told;
}

function systemInFirstQuestion(messages: readonly ChatMessage[]): ChatMessage[] {
  const instructions = messages.filter(({ role }) => role === "system").map(({ content }) => inWords(content));
  const others = messages.filter(({ role }) => role !== "system");
  const first = others.findIndex(({ role }) => role === "user");
  return others.map((message, index) => {
    if (index !== first) return message;
    const { content } = message;
    const told = Array.isArray(content)
      ? [...instructions.map((text) => ({ type: "text", text })), ...content]
      : [...instructions, content].join("\n\n");
    return { ...message, content: told };
  });
}

function inWords(content: ChatMessage["content"]): string {
  if (!Array.isArray(content)) return content ?? "";
  return lines(...content.map(({ type, text }) => (type === "text" ? text : "[A file that this model cannot read]")));
}

function lines(...texts: (string | undefined)[]): string {
  return texts.filter(Boolean).join("\n");
}
