/** The API keys: which there are, a new one, which is shown once, and the end of one. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useRef, useState } from "react";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Field } from "../ui/field.tsx";
import { dateOf } from "../ui/times.ts";
import { type ApiKey, keys } from "./keys.ts";
import { NewKeyShown } from "./new-key-shown.tsx";
import { Choice, Outcome, Section } from "./section.tsx";

const queryKey = ["keys"];

export function ApiKeys({ isAnonymous }: { isAnonymous: boolean }) {
  return (
    <Section title={t.keys.title}>
      <p className="text-quiet text-sm">{isAnonymous ? t.keys.forAccounts : t.keys.hint}</p>
      {!isAnonymous && <KeyList />}
      {!isAnonymous && <NewKeyForm />}
    </Section>
  );
}

function KeyList() {
  const queries = useQueryClient();
  const { data: list, error, isPending, refetch } = useQuery({ queryKey, queryFn: keys.list });
  const [asked, setAsked] = useState<ApiKey>();
  const [isAsking, setIsAsking] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const revoke = useMutation({
    mutationFn: (key: ApiKey) => keys.revoke(key),
    onSettled: () => queries.invalidateQueries({ queryKey }),
    // What was pressed is gone.
    onSuccess: () => box.current?.focus(),
  });
  return (
    <div ref={box} tabIndex={-1} className="grid gap-3 outline-none" aria-busy={isPending}>
      {isPending && <p className="text-quiet text-sm">{t.keys.loading}</p>}
      {error && !list && (
        <div className="flex flex-wrap items-center gap-3">
          <Outcome error={error} done={false} />
          <Button onClick={() => refetch()}>{t.tryAgain}</Button>
        </div>
      )}
      {list?.length === 0 && <p className="text-quiet text-sm">{t.keys.none}</p>}
      {list && list.length > 0 && (
        <ul className="grid gap-2" aria-label={t.keys.title}>
          {list.map((key) => (
            <KeyRow
              key={key.id}
              apiKey={key}
              isLocked={revoke.isPending}
              onRevoke={() => {
                setAsked(key);
                setIsAsking(true);
              }}
            />
          ))}
        </ul>
      )}
      <Outcome error={revoke.error} done={revoke.isSuccess && t.keys.revoked(revoke.variables.name)} />
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={t.keys.revokeTitle(asked?.name ?? "")}
        text={t.keys.revokeText}
        action={t.keys.revoke}
        onConfirm={() => asked && revoke.mutate(asked)}
      />
    </div>
  );
}

interface KeyRowProps {
  apiKey: ApiKey;
  isLocked: boolean;
  onRevoke: () => void;
}

function KeyRow({ apiKey, isLocked, onRevoke }: KeyRowProps) {
  const { name, start, isReadOnly, createdAt, expiresAt, lastUsedAt } = apiKey;
  const isOver = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  const facts = [
    isReadOnly ? t.keys.reads : t.keys.writes,
    t.keys.made(dateOf(createdAt)),
    expiresAt === null ? t.keys.noEnd : (isOver ? t.keys.ended : t.keys.ends)(dateOf(expiresAt)),
    lastUsedAt === null ? t.keys.unused : t.keys.used(dateOf(lastUsedAt)),
  ];
  return (
    <li className="flex flex-wrap items-center gap-3 rounded-xl border border-line px-4 py-3 text-sm">
      <div className="min-w-40 flex-1">
        <p className="font-medium wrap-anywhere">
          <span dir="auto">{name}</span> <code className="font-normal text-quiet text-xs">{start}…</code>
        </p>
        <p className={`text-xs ${isOver ? "text-danger" : "text-quiet"}`}>{facts.join(" · ")}</p>
      </div>
      <Button aria-label={t.keys.revokeOf(name)} disabled={isLocked} onClick={onRevoke}>
        {t.keys.revoke}
      </Button>
    </li>
  );
}

const dayChoices = [7, 30, 90, 365];
const never = "never";

function NewKeyForm() {
  const queries = useQueryClient();
  const [days, setDays] = useState("90");
  const [formId, readOnlyId] = [useId(), useId()];
  const make = useMutation({
    mutationFn: keys.create,
    onSuccess: () => queries.invalidateQueries({ queryKey }),
  });
  const hide = () => {
    make.reset();
    setTimeout(() => document.getElementById(formId)?.querySelector("input")?.focus());
  };
  if (make.data) return <NewKeyShown apiKey={make.data} onDone={hide} />;
  return (
    <form
      id={formId}
      className="grid max-w-sm gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const name = String(form.get("name") ?? "").trim();
        const end = days === never ? {} : { expiresInDays: Number(days) };
        make.mutate({ name, isReadOnly: form.has("readOnly"), ...end });
      }}
    >
      <Field label={t.keys.name} name="name" autoComplete="off" dir="auto" maxLength={100} pattern=".*\S.*" required />
      <Choice
        label={t.keys.end}
        value={days}
        options={[
          ...dayChoices.map((each): [string, string] => [String(each), t.keys.inDays(each)]),
          [never, t.keys.never],
        ]}
        onChange={setDays}
      />
      <label htmlFor={readOnlyId} className="flex items-center gap-2 text-sm">
        <input id={readOnlyId} name="readOnly" type="checkbox" className="size-5 accent-brand" />
        {t.keys.readOnly}
      </label>
      <Outcome error={make.error} done={false} />
      <Button type="submit" className="justify-self-start" disabled={make.isPending}>
        {t.keys.make}
      </Button>
    </form>
  );
}
