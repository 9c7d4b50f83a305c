/** Inviting people, and the invitations that hold. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Outcome, Section, valueIn } from "../account/section.tsx";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { clearSent } from "../ui/clear-sent.ts";
import { Field } from "../ui/field.tsx";
import { dateOf } from "../ui/times.ts";
import { admin } from "./admin.ts";
import { MadeLink } from "./made-link.tsx";

const queryKey = ["admin", "invitations"];

export function Invitations() {
  const queries = useQueryClient();
  const read = () => queries.invalidateQueries({ queryKey });
  const { data, error } = useQuery({ queryKey, queryFn: admin.invitations });
  const invite = useMutation({ mutationFn: admin.invite, onSuccess: read });
  const takeBack = useMutation({ mutationFn: admin.takeBack, onSettled: read });
  return (
    <Section title={t.admin.invitations}>
      <form
        className="grid max-w-sm gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const email = valueIn(event, "email").trim();
          invite.mutate(email, { onSuccess: () => clearSent(form, "email", email) });
        }}
      >
        <Field label={t.signIn.email} name="email" type="email" autoComplete="off" maxLength={254} required />
        <Outcome error={invite.error ?? takeBack.error ?? error} done={false} />
        <Button type="submit" className="justify-self-start" disabled={invite.isPending}>
          {t.admin.invite}
        </Button>
      </form>
      {invite.data && <MadeLink {...invite.data} />}
      <ul className="grid gap-2">
        {data?.map(({ id, email, expiresAt }) => (
          <li key={id} className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
            <span className="min-w-0 flex-1 wrap-anywhere">
              {email} <span className="text-quiet">{t.admin.until(dateOf(expiresAt))}</span>
            </span>
            <Button
              aria-label={t.admin.takeBackOf(email)}
              disabled={takeBack.isPending}
              onClick={() => takeBack.mutate(id)}
            >
              {t.admin.takeBack}
            </Button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
