/** The address of the account: whether it is confirmed, and another one by a link that is sent there. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { BadgeCheck } from "lucide-react";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { account, type Person } from "./account.ts";
import { Outcome, Section, valueIn } from "./section.tsx";

export function EmailAddress({ person }: { person: Person }) {
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  const change = useMutation({ mutationFn: account.changeEmail });
  const confirm = useMutation({ mutationFn: account.confirmEmail });
  const hasFailed = new URLSearchParams(location.search).has("error");
  return (
    <Section title={t.signIn.email}>
      {hasFailed && (
        <p role="alert" className="text-danger text-sm">
          {t.mail.linkFailed}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 text-sm">
        <span className="wrap-anywhere">{person.email}</span>
        {person.emailVerified && (
          <span className="inline-flex items-center gap-1.5 text-quiet">
            <BadgeCheck size={16} aria-hidden="true" className="text-brand" />
            {t.mail.confirmed}
          </span>
        )}
        {!person.emailVerified && ways?.mail && (
          <Button disabled={confirm.isPending} onClick={() => confirm.mutate(person.email)}>
            {t.mail.confirm}
          </Button>
        )}
      </div>
      <Outcome error={confirm.error} done={confirm.isSuccess && t.mail.sentTo(person.email)} />
      {ways?.mail ? (
        <form
          className="grid max-w-sm gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            change.mutate(valueIn(event, "email").trim(), { onSuccess: () => form.reset() });
          }}
        >
          <Field label={t.mail.newAddress} name="email" type="email" autoComplete="email" maxLength={254} required />
          <Outcome error={change.error} done={change.isSuccess && t.mail.sentTo(change.variables)} />
          <Button type="submit" className="justify-self-start" disabled={change.isPending}>
            {t.mail.changeAddress}
          </Button>
        </form>
      ) : (
        <p className="text-quiet text-sm">{t.mail.noChange}</p>
      )}
    </Section>
  );
}
