/** The AI SDK's useChat as it comes, with a tool that runs here and one that asks first; /chat/ID opens a chat. */
import { useChat } from "@ai-sdk/react";
import {
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  type UIMessage,
} from "ai";
import { useState } from "react";
import { createRoot } from "react-dom/client";

const id = decodeURIComponent(location.pathname.split("/").at(-1) ?? "");

function Chat({ messages: stored }: { messages: UIMessage[] }) {
  const [text, setText] = useState("");
  const { messages, status, error, sendMessage, regenerate, addToolOutput, addToolApprovalResponse } = useChat({
    id,
    messages: stored,
    resume: true,
    sendAutomaticallyWhen: (options) =>
      lastAssistantMessageIsCompleteWithToolCalls(options) ||
      lastAssistantMessageIsCompleteWithApprovalResponses(options),
  });
  const question = messages.findLast(({ role }) => role === "user");
  return (
    <main>
      {messages.map((message) => (
        <section key={message.id} data-role={message.role}>
          {message.parts.map((part, index) => {
            // biome-ignore lint/suspicious/noArrayIndexKey: parts are only added at their end
            if (part.type === "text") return <p key={`${message.id} ${index}`}>{part.text}</p>;
            if (part.type === "tool-colour" && part.state === "input-available") {
              const answer = () => addToolOutput({ tool: "colour", toolCallId: part.toolCallId, output: "blue" });
              return (
                <button key={part.toolCallId} type="button" onClick={answer}>
                  Blue
                </button>
              );
            }
            if (part.type === "tool-remove" && part.state === "approval-requested") {
              const { id } = part.approval;
              return (
                <button key={id} type="button" onClick={() => addToolApprovalResponse({ id, approved: true })}>
                  Allow
                </button>
              );
            }
            return null;
          })}
        </section>
      ))}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void sendMessage({ text });
          setText("");
        }}
      >
        <input aria-label="Question" value={text} onChange={(event) => setText(event.target.value)} />
        <button type="submit">Send</button>
      </form>
      <button type="button" onClick={() => regenerate()}>
        Again
      </button>
      <button type="button" onClick={() => question && sendMessage({ text, messageId: question.id })}>
        Edit
      </button>
      <output>{error ? `failed: ${error.message}` : status}</output>
    </main>
  );
}

const loaded = (await (await fetch(`/api/chat/${encodeURIComponent(id)}`)).json()) as UIMessage[] | { error: unknown };
createRoot(document.body.appendChild(document.createElement("div"))).render(
  <Chat messages={Array.isArray(loaded) ? loaded : []} />,
);
