/** What was said: turn by turn, with what is earlier above it, and how the last one stands below. */
import type { UIMessage } from "ai";
import type { ReactNode, Ref } from "react";
import { t } from "../strings/index.ts";
import { Earlier } from "./earlier.tsx";
import { type MessageActs, MessageView } from "./message-view.tsx";
import { turnsOf } from "./turns.ts";
import type { useKeptChat } from "./use-kept-chat.ts";

interface TranscriptProps {
  /** Of what scrolls. */
  ref: Ref<HTMLDivElement>;
  id: string;
  title: string | undefined;
  messages: UIMessage[];
  branch: ReturnType<typeof useKeptChat>["branch"];
  isEmpty: boolean;
  /** What stands there when it is empty. */
  greeting: ReactNode;
  /** The last question stands at the top, with room for its answer below it. */
  hasAsked: boolean;
  isReplying: boolean;
  isBusy: boolean;
  state: ReactNode;
  acts: MessageActs;
}

export function Transcript(props: TranscriptProps) {
  const { ref, id, title, messages, branch, isEmpty, greeting, hasAsked, isReplying, isBusy, state, acts } = props;
  const last = messages.at(-1);
  const turns = turnsOf(messages);
  return (
    <div
      ref={ref}
      data-scroller
      className={`relative min-h-0 overflow-y-auto [overflow-anchor:none] print:overflow-visible ${isEmpty ? "mt-auto shrink-0" : "flex-1 [container-type:size] print:[container-type:normal]"}`}
    >
      <div className={`mx-auto max-w-chat px-4 ${isEmpty ? "" : "pt-4 pb-8"}`}>
        {branch.hasNextPage && (
          <Earlier isLoading={branch.isFetchingNextPage} onVisible={() => void branch.fetchNextPage()} />
        )}
        {messages.length > 0 && (
          <h1 dir="auto" className="sr-only print:not-sr-only print:font-semibold print:text-xl">
            {title ?? t.list.newChat}
          </h1>
        )}
        {isEmpty && greeting}
        <div role="log" aria-live="off" aria-label={t.chat.messages} className="grid grid-cols-[minmax(0,1fr)] gap-10">
          {turns.map((turn) => {
            const isLastTurn = turn === turns.at(-1);
            return (
              <div
                key={turn.id}
                className={`grid grid-cols-[minmax(0,1fr)] content-start gap-4 ${isLastTurn && hasAsked ? "min-h-[calc(100cqh-3rem)] print:min-h-0" : ""}`}
              >
                {turn.messages.map((message) => (
                  <MessageView
                    key={message.id}
                    conversationId={id}
                    message={message}
                    isStreaming={isReplying && message === last && message.role === "assistant"}
                    isLocked={isBusy}
                    isLast={message === last}
                    {...acts}
                  />
                ))}
                {isLastTurn && state}
              </div>
            );
          })}
        </div>
        {turns.length === 0 && state}
      </div>
    </div>
  );
}
