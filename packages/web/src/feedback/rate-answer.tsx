/** Under an answer: whether it was good or bad, and why. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ThumbsDown, ThumbsUp } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Outcome } from "../account/section.tsx";
import { Action } from "../conversation/action.tsx";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Sheet } from "../ui/dialog.tsx";
import { TextArea } from "../ui/text-area.tsx";
import { toasts } from "../ui/toasts.tsx";
import { type Feedback, feedback, feedbackKey, type Place, type Rating, useFeedback } from "./feedback.ts";

const thumbs = [
  ["good", ThumbsUp],
  ["bad", ThumbsDown],
] as const;

/** A first press is a rating, a second one says why, or takes it back. */
export function RateAnswer({ place, isDisabled }: { place: Place; isDisabled: boolean }) {
  const queries = useQueryClient();
  const given = useFeedback(place);
  const [isOpen, setIsOpen] = useState(false);
  const changed = () => queries.invalidateQueries({ queryKey: feedbackKey(place.conversationId) });
  const rate = useMutation({
    mutationFn: (rating: Rating) => feedback.give({ place, rating, tags: [], comment: null }),
    onSuccess: async (_, rating) => {
      await changed();
      if (rating === "bad") setIsOpen(true);
      else toasts.add({ title: t.feedback.thanks });
    },
    onError: (error) => toasts.add({ title: sentenceOf(error) }),
  });
  return (
    <>
      {thumbs.map(([rating, Icon]) => (
        <Action
          key={rating}
          label={t.feedback[rating]}
          isPressed={given?.rating === rating}
          isDisabled={isDisabled || rate.isPending}
          onClick={() => (given?.rating === rating ? setIsOpen(true) : rate.mutate(rating))}
        >
          <Icon size={15} fill={given?.rating === rating ? "currentColor" : "none"} />
        </Action>
      ))}
      {given && (
        <Sheet open={isOpen} onOpenChange={setIsOpen} title={t.feedback.why(given.rating)}>
          <Reasons place={place} given={given} onChanged={changed} onDone={() => setIsOpen(false)} />
        </Sheet>
      )}
    </>
  );
}

interface ReasonsProps {
  place: Place;
  given: Feedback;
  onChanged: () => Promise<unknown>;
  onDone: () => void;
}

function Reasons({ place, given, onChanged, onDone }: ReasonsProps) {
  const done = async () => {
    await onChanged();
    onDone();
  };
  const save = useMutation({ mutationFn: feedback.give, onSuccess: done });
  const takeBack = useMutation({ mutationFn: feedback.takeBack, onSuccess: done });
  const known = Object.entries(t.feedback.tags[given.rating]);
  const others = given.tags.filter((tag) => !known.some(([each]) => each === tag)).map((tag) => [tag, tag] as const);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const comment = String(data.get("comment") ?? "").trim() || null;
    save.mutate({ place, rating: given.rating, tags: data.getAll("tag").map(String), comment });
  };
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <fieldset className="flex flex-wrap gap-2">
        <legend className="mb-2 font-medium text-sm">{t.feedback.about}</legend>
        {[...known, ...others].map(([tag, name]) => (
          <label
            key={tag}
            className="inline-flex min-h-9 items-center rounded-full border border-line px-3 text-sm has-checked:border-brand has-checked:bg-side has-focus-visible:outline-2 has-focus-visible:outline-brand"
          >
            <input
              type="checkbox"
              name="tag"
              value={tag}
              defaultChecked={given.tags.includes(tag)}
              className="sr-only"
            />
            {name}
          </label>
        ))}
      </fieldset>
      <TextArea
        label={t.feedback.comment}
        hint={t.feedback.commentHint}
        name="comment"
        maxLength={4_000}
        defaultValue={given.comment ?? ""}
      />
      <Outcome error={save.error ?? takeBack.error} done={false} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="main" disabled={save.isPending || takeBack.isPending}>
          {t.feedback.save}
        </Button>
        <Button disabled={save.isPending || takeBack.isPending} onClick={() => takeBack.mutate(place)}>
          {t.feedback.takeBack}
        </Button>
      </div>
    </form>
  );
}
