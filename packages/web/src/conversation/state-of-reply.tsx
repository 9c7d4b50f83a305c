/** Below the last message: that a reply is being written, what went wrong, and what to do about it. */
import type { UIMessage } from "ai";
import { useEffect, useState } from "react";
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
  /** Where a file of the question is gone, and it has words besides. */
  onWithoutFiles: () => void;
  onGoOn: () => void;
}

export function StateOfReply(props: StateOfReplyProps) {
  const { last, isBusy, isLost, isReady, error, stopError, onAgain, onWithoutFiles, onGoOn } = props;
  const failed = error && !isLost && !isBusy ? replyErrorOf(error) : undefined;
  const ending = last && !isBusy && !error ? endingOf(last) : undefined;
  const isUnanswered = !isBusy && !error && last?.role === "user" && keptOf(last) !== undefined;
  const hasWords = last?.role === "assistant" && last.parts.some((part) => part.type === "text" && part.text);
  return (
    <div className="print:hidden">
      <p role="status" className={isBusy && !hasWords ? "flex items-center gap-2 text-quiet text-sm" : "sr-only"}>
        {isBusy && <span aria-hidden="true" className="size-2 animate-pulse rounded-full bg-brand" />}
        {isBusy ? t.chat.writing : last?.role === "assistant" && isReady ? (ending?.words ?? t.chat.answered) : ""}
        {isBusy && !hasWords && <Waited />}
      </p>
      {stopError && (
        <p role="alert" className="text-danger text-sm">
          {sentenceOf(stopError)}
        </p>
      )}
      {isLost && <p className="text-quiet text-sm">{t.chat.lost}</p>}
      {failed && (
        <div role="alert" className="flex flex-wrap items-center gap-3 text-danger text-sm">
          <span>
            {sentenceOf(failed)} {originalOf(failed) && <span lang="en">({originalOf(failed)})</span>}
          </span>
          <Button onClick={onAgain}>{t.tryAgain}</Button>
          {failed.code === "not_found" && last && hasBoth(last) && (
            <Button onClick={onWithoutFiles}>{t.files.askWithout}</Button>
          )}
        </div>
      )}
      {(ending || isUnanswered) && (
        <div className="mt-2 flex gap-2">
          {ending?.canGoOn && <Button onClick={onGoOn}>{t.chat.goOn}</Button>}
          <Button onClick={onAgain}>{t.tryAgain}</Button>
        </div>
      )}
    </div>
  );
}

function hasBoth({ parts }: UIMessage): boolean {
  return parts.some(({ type }) => type === "file") && parts.some(({ type }) => type === "text");
}

const shownAfterSeconds = 3;

/** How long one has waited for the first word; not read out every second. */
function Waited() {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span aria-hidden="true" className="tabular-nums">
      {seconds >= shownAfterSeconds && t.chat.seconds(seconds)}
    </span>
  );
}
