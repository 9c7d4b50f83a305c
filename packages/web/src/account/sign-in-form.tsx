/** What is written to sign in or up. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { tellTabs } from "../tabs.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { account } from "./account.ts";
import { forgetQueries } from "./forget-queries.ts";

/** Gives what is to be done when somebody has come in: nothing of whoever was there before is shown, and other tabs hear of it. */
export function useEntered(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    forgetQueries(queries);
    await queries.invalidateQueries({ queryKey: ["person"] });
    tellTabs("person");
  };
}

/** By the link that somebody was sent. */
export function invited(): { token: string | undefined; email: string | undefined } {
  const query = new URLSearchParams(location.search);
  return { token: query.get("invitation") ?? undefined, email: query.get("email") ?? undefined };
}

interface SignInFormProps {
  /** Signing up, in place of signing in. */
  isNew: boolean;
  onIsNew: (isNew: boolean) => void;
  /** Left out where one has no password yet. */
  onForgotten?: () => void;
}

export function SignInForm({ isNew: wantsNew, onIsNew, onForgotten }: SignInFormProps) {
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  const invitation = invited();
  const isInvited = ways?.invitations === true && invitation.token !== undefined;
  const isClosed = ways?.signUp === false && !isInvited;
  const isNew = wantsNew && !isClosed;
  const enter = useMutation({
    mutationFn: (form: FormData) => {
      const field = (name: string) => String(form.get(name) ?? "").trim();
      const password = String(form.get("password") ?? "");
      return isNew
        ? account.signUp(field("name"), field("email"), password, invitation.token)
        : account.signIn(field("email"), password);
    },
    onSuccess: useEntered(),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        enter.mutate(new FormData(event.currentTarget));
      }}
    >
      <div className="grid gap-4">
        {isNew && <Field label={t.signIn.name} name="name" autoComplete="name" maxLength={200} required />}
        <Field
          label={t.signIn.email}
          name="email"
          type="email"
          autoComplete="email"
          defaultValue={invitation.email}
          required
        />
        <Field
          label={t.signIn.password}
          name="password"
          type="password"
          autoComplete={isNew ? "new-password" : "current-password"}
          minLength={8}
          maxLength={128}
          hint={isNew ? t.signIn.passwordHint : undefined}
          required
        />
        {!isNew && onForgotten && (ways?.mail ? <Forgot onPress={onForgotten} /> : null)}
        {enter.error && (
          <p role="alert" className="text-danger text-sm">
            {sentenceOf(enter.error)}
          </p>
        )}
        <Button type="submit" look="main" disabled={enter.isPending}>
          {isNew ? t.signIn.signUp : t.signIn.signIn}
        </Button>
      </div>
      {isClosed ? (
        <p className="mt-5 text-quiet text-sm">{ways?.invitations ? t.mail.byInvitation : t.signIn.closed}</p>
      ) : (
        <p className="mt-5 text-quiet text-sm">
          {isNew ? t.signIn.hasAccount : t.signIn.hasNone}{" "}
          <button
            type="button"
            className="font-medium text-brand underline underline-offset-2"
            onClick={() => {
              onIsNew(!isNew);
              enter.reset();
            }}
          >
            {isNew ? t.signIn.signIn : t.signIn.signUp}
          </button>
        </p>
      )}
    </form>
  );
}

function Forgot({ onPress }: { onPress: () => void }) {
  return (
    <button
      type="button"
      onClick={onPress}
      className="justify-self-start text-brand text-sm underline underline-offset-2"
    >
      {t.mail.forgotten}
    </button>
  );
}
