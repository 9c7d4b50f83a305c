/** One message: the words, what tools did, and how it ended. */
import type { UIMessage } from "ai";
import { isToolUIPart } from "ai";
import { lazy, memo, Suspense } from "react";
import { ToolCall } from "./tool-call.tsx";

const Markdown = lazy(() => import("./markdown.tsx").then((module) => ({ default: module.Markdown })));

const endings: Record<string, string> = {
  stopped: "Stopped.",
  failed: "The assistant could not finish this answer.",
  interrupted: "This answer was interrupted.",
};

interface MessageViewProps {
  message: UIMessage;
  status: string | undefined;
  isStreaming: boolean;
}

export const MessageView = memo(function MessageView({ message, status, isStreaming }: MessageViewProps) {
  const isUser = message.role === "user";
  return (
    <article aria-label={isUser ? "You" : "Assistant"} className={isUser ? "flex min-w-0 justify-end" : "min-w-0"}>
      <div
        className={isUser ? "min-w-0 max-w-[85%] rounded-2xl bg-side px-4 py-2.5" : "min-w-0 space-y-3 wrap-anywhere"}
      >
        {message.parts.map((part, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts only grow at their end
          <PartView key={index} part={part} isUser={isUser} isStreaming={isStreaming} />
        ))}
        {status && endings[status] && <p className="text-quiet text-sm italic">{endings[status]}</p>}
      </div>
    </article>
  );
});

interface PartViewProps {
  part: UIMessage["parts"][number];
  isUser: boolean;
  isStreaming: boolean;
}

function PartView({ part, isUser, isStreaming }: PartViewProps) {
  if (part.type === "text" && isUser) return <p className="whitespace-pre-wrap wrap-anywhere">{part.text}</p>;
  if (part.type === "text") {
    return (
      <Suspense fallback={<p className="whitespace-pre-wrap break-words">{part.text}</p>}>
        <Markdown text={part.text} isStreaming={isStreaming} />
      </Suspense>
    );
  }
  if (part.type === "reasoning" && part.text) {
    return (
      <details className="text-quiet text-sm">
        <summary className="cursor-pointer">Thoughts</summary>
        <p className="mt-2 whitespace-pre-wrap border-line border-l-2 pl-3">{part.text}</p>
      </details>
    );
  }
  if (isToolUIPart(part)) return <ToolCall part={part} />;
  return null;
}
