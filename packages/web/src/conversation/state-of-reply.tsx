/** Below the last message: that a reply is being written, what went wrong, and what to do about it. */
import type { UIMessage } from "ai";
import { originalOf, replyErrorOf, sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { keptOf } from "./chats.ts";
import { endingOf } from "./ending.ts";

interface StateOfReplyProps {
  last: UIMessage | undefined;
  isBusy: boolean;
  isLost: boolean;
  isReady: boolean;
  error: Error | undefined;
  stopError: Error | undefined;
  onAgain: () => void;
  onGoOn: () => void;
}

export function StateOfReply({ last, isBusy, isLost, isReady, error, stopError, onAgain, onGoOn }: StateOfReplyProps) {
  const failed = error && !isLost && !isBusy ? replyErrorOf(error) : undefined;
  const ending = last && !isBusy && !error ? endingOf(last) : undefined;
  const isUnanswered = !isBusy && !error && last?.role === "user" && keptOf(last) !== undefined;
  return (
    <div className="print:hidden">
      <p role="status" className={isBusy ? "mt-6 flex items-center gap-2 text-quiet text-sm" : "sr-only"}>
        {isBusy && <span aria-hidden="true" className="size-2 animate-pulse rounded-full bg-brand" />}
        {isBusy ? t.chat.writing : last?.role === "assistant" && isReady ? (ending?.words ?? t.chat.answered) : ""}
      </p>
      {stopError && (
        <p role="alert" className="mt-4 text-danger text-sm">
          {sentenceOf(stopError)}
        </p>
      )}
      {isLost && <p className="mt-6 text-quiet text-sm">{t.chat.lost}</p>}
      {failed && (
        <div role="alert" className="mt-6 flex flex-wrap items-center gap-3 text-danger text-sm">
          <span>
            {sentenceOf(failed)} {originalOf(failed) && <span lang="en">({originalOf(failed)})</span>}
          </span>
          <Button onClick={onAgain}>{t.tryAgain}</Button>
        </div>
      )}
      {(ending || isUnanswered) && (
        <div className="mt-4 flex gap-2">
          {ending?.canGoOn && <Button onClick={onGoOn}>{t.chat.goOn}</Button>}
          <Button onClick={onAgain}>{t.tryAgain}</Button>
        </div>
      )}
    </div>
  );
}
