/** Something could not be loaded: what, and a way to try again. */
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "./button.tsx";

export function Failure({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <div role="alert" className="flex h-full flex-col items-center justify-center gap-4 p-8 text-center">
      <p className="max-w-md text-quiet">{sentenceOf(error)}</p>
      {onRetry && <Button onClick={onRetry}>{t.tryAgain}</Button>}
    </div>
  );
}
