/** Something could not be loaded: what, and a way to try again. */
import { CloudAlert } from "lucide-react";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "./button.tsx";
import { Card } from "./card.tsx";

export function Failure({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <Card icon={CloudAlert} text={sentenceOf(error)}>
      {onRetry && <Button onClick={onRetry}>{t.tryAgain}</Button>}
    </Card>
  );
}
