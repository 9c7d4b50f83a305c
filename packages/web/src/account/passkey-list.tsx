/** The passkeys of an account: which there are, a new one, another name, and the end of one. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Field } from "../ui/field.tsx";
import { dateOf } from "../ui/times.ts";
import { account } from "./account.ts";
import { deviceIn } from "./devices.tsx";
import { hasPasskeys, type Passkey, passkeys } from "./passkeys.ts";
import { Outcome, Section, valueIn } from "./section.tsx";

const queryKey = ["passkeys"];
const maxNameChars = 100;

export function Passkeys({ hasPassword }: { hasPassword: boolean }) {
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  if (!ways?.passkeys) return null;
  return (
    <Section title={t.passkeys.title}>
      <p className="text-quiet text-sm">{t.passkeys.hint}</p>
      <PasskeyList />
      {hasPasskeys(ways.passkeys) ? (
        <NewPasskey hasPassword={hasPassword} />
      ) : (
        <p className="text-quiet text-sm">{t.passkeys.notHere(ways.passkeys)}</p>
      )}
    </Section>
  );
}

function PasskeyList() {
  const queries = useQueryClient();
  const { data: list, error, isPending, refetch } = useQuery({ queryKey, queryFn: passkeys.list });
  const [asked, setAsked] = useState<Passkey>();
  const [isAsking, setIsAsking] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const remove = useMutation({
    mutationFn: ({ id }: Passkey) => passkeys.remove(id),
    onSettled: () => queries.invalidateQueries({ queryKey }),
    // What was pressed is gone.
    onSuccess: () => box.current?.focus(),
  });
  return (
    <div ref={box} tabIndex={-1} className="grid gap-3 outline-none" aria-busy={isPending}>
      {error && !list && (
        <div className="flex flex-wrap items-center gap-3">
          <Outcome error={error} done={false} />
          <Button onClick={() => refetch()}>{t.tryAgain}</Button>
        </div>
      )}
      {list?.length === 0 && <p className="text-quiet text-sm">{t.passkeys.none}</p>}
      {list && list.length > 0 && (
        <ul className="grid gap-2" aria-label={t.passkeys.title}>
          {list.map((passkey) => (
            <PasskeyRow
              key={passkey.id}
              passkey={passkey}
              isLocked={remove.isPending}
              onRemove={() => {
                setAsked(passkey);
                setIsAsking(true);
              }}
            />
          ))}
        </ul>
      )}
      <Outcome error={remove.error} done={remove.isSuccess && t.passkeys.removed(remove.variables.name)} />
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={t.passkeys.removeTitle(asked?.name ?? "")}
        text={t.passkeys.removeText}
        action={t.passkeys.remove}
        onConfirm={() => asked && remove.mutate(asked)}
      />
    </div>
  );
}

interface PasskeyRowProps {
  passkey: Passkey;
  isLocked: boolean;
  onRemove: () => void;
}

function PasskeyRow({ passkey, isLocked, onRemove }: PasskeyRowProps) {
  const { id, name, isBackedUp, createdAt, lastUsedAt } = passkey;
  const queries = useQueryClient();
  const [isNaming, setIsNaming] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  const rename = useMutation({
    mutationFn: (wanted: string) => passkeys.rename(id, wanted),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey });
      end();
    },
  });
  const end = () => {
    setIsNaming(false);
    setTimeout(() => row.current?.querySelector("button")?.focus());
  };
  const facts = [
    t.keys.made(dateOf(createdAt)),
    lastUsedAt === null ? t.keys.unused : t.keys.used(dateOf(lastUsedAt)),
    ...(isBackedUp ? [t.passkeys.backedUp] : []),
  ];
  if (isNaming)
    return (
      <li ref={row} className="rounded-xl border border-line px-4 py-3">
        <form
          className="grid max-w-sm gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            rename.mutate(valueIn(event, "name").trim());
          }}
          onKeyDown={(event) => event.key === "Escape" && end()}
        >
          <Field
            label={t.account.name}
            name="name"
            defaultValue={name}
            maxLength={maxNameChars}
            pattern=".*\S.*"
            dir="auto"
            autoComplete="off"
            autoFocus
            required
          />
          <Outcome error={rename.error} done={false} />
          <div className="flex gap-2">
            <Button type="submit" disabled={rename.isPending}>
              {t.save}
            </Button>
            <Button onClick={end}>{t.cancel}</Button>
          </div>
        </form>
      </li>
    );
  return (
    <li ref={row} className="flex flex-wrap items-center gap-3 rounded-xl border border-line px-4 py-3 text-sm">
      <div className="min-w-40 flex-1">
        <p dir="auto" className="font-medium wrap-anywhere">
          {name}
        </p>
        <p className="text-quiet text-xs">{facts.join(" · ")}</p>
      </div>
      <Button aria-label={t.passkeys.renameOf(name)} onClick={() => setIsNaming(true)}>
        {t.passkeys.rename}
      </Button>
      <Button aria-label={t.passkeys.removeOf(name)} disabled={isLocked} onClick={onRemove}>
        {t.passkeys.remove}
      </Button>
    </li>
  );
}

function NewPasskey({ hasPassword }: { hasPassword: boolean }) {
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: ({ name, password }: { name: string; password: string }) =>
      passkeys.add(name, hasPassword ? password : undefined),
    onSuccess: () => queries.invalidateQueries({ queryKey }),
  });
  return (
    <form
      className="grid max-w-sm gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const wanted = { name: valueIn(event, "passkey").trim(), password: valueIn(event, "password") };
        add.mutate(wanted, { onSuccess: () => form.reset() });
      }}
    >
      <Field
        label={t.passkeys.name}
        name="passkey"
        defaultValue={deviceIn(navigator.userAgent)}
        maxLength={maxNameChars}
        pattern=".*\S.*"
        dir="auto"
        autoComplete="off"
        required
      />
      {hasPassword && (
        <Field label={t.account.current} name="password" type="password" autoComplete="current-password" required />
      )}
      <Outcome error={add.error} done={add.isSuccess && t.passkeys.added} />
      <Button type="submit" className="justify-self-start" disabled={add.isPending}>
        {t.passkeys.add}
      </Button>
    </form>
  );
}
