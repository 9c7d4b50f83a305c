/** The address of the account: whether it is confirmed, and another one by a link that is sent there. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { BadgeCheck } from "lucide-react";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { account, type Person } from "./account.ts";
import { Outcome, Section, valueIn } from "./section.tsx";

export function EmailAddress({ person, hasPassword }: { person: Person; hasPassword: boolean }) {
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  const change = useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) => account.changeEmail(email, password),
  });
  const confirm = useMutation({ mutationFn: account.confirmEmail });
  return (
    <Section title={t.signIn.email}>
      <FollowedLink />
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
            const wanted = { email: valueIn(event, "email").trim(), password: valueIn(event, "password") };
            change.mutate(wanted, { onSuccess: () => form.reset() });
          }}
        >
          <Field label={t.mail.newAddress} name="email" type="email" autoComplete="email" maxLength={254} required />
          {hasPassword && (
            <Field label={t.account.current} name="password" type="password" autoComplete="current-password" required />
          )}
          <Outcome error={change.error} done={change.isSuccess && t.mail.sentTo(change.variables.email)} />
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

/** Whoever has followed the link says so: a program that only looks into a mail confirms nothing. */
function FollowedLink() {
  const token = new URLSearchParams(location.search).get("confirm");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const verify = useMutation({
    mutationFn: account.verifyEmail,
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["person"] });
      await navigate({ to: "/account", search: {}, replace: true });
    },
  });
  if (token === null) return null;
  return (
    <div className="grid justify-items-start gap-3 rounded-xl border border-line bg-tint p-3">
      <p className="text-sm wrap-anywhere">{t.mail.isYours(addressIn(token))}</p>
      {verify.error && (
        <p role="alert" className="text-danger text-sm">
          {t.mail.linkFailed}
        </p>
      )}
      <Button look="main" disabled={verify.isPending} onClick={() => verify.mutate(token)}>
        {t.mail.confirmNow}
      </Button>
    </div>
  );
}

/** As the link says; whether it is so the server says. */
function addressIn(token: string): string {
  try {
    const payload = JSON.parse(atob(token.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? ""));
    return String(payload.updateTo ?? payload.email);
  } catch {
    return "?";
  }
}
