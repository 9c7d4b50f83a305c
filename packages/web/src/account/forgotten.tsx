/** A forgotten password: asking for a link, and setting another one by it. */
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button, buttonLook } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { account } from "./account.ts";

/** Where the link leads. */
export const resetPath = "/reset-password";

export function Forgotten({ onBack }: { onBack: () => void }) {
  const ask = useMutation({ mutationFn: account.forgotPassword });
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        ask.mutate(String(new FormData(event.currentTarget).get("email") ?? "").trim());
      }}
    >
      {ask.isSuccess ? (
        <p role="status">{t.mail.sent}</p>
      ) : (
        <>
          <p className="text-quiet text-sm">{t.mail.forgottenHint}</p>
          <Field label={t.signIn.email} name="email" type="email" autoComplete="email" required />
          <Problem error={ask.error} />
          <Button type="submit" look="main" disabled={ask.isPending}>
            {t.mail.send}
          </Button>
        </>
      )}
      <Button onClick={onBack}>{t.mail.back}</Button>
    </form>
  );
}

/** `token`: of the link. */
export function NewPassword({ token }: { token: string }) {
  const [isDone, setIsDone] = useState(false);
  const change = useMutation({
    mutationFn: (password: string) => account.resetPassword(token, password),
    onSuccess: () => setIsDone(true),
  });
  if (isDone) {
    return (
      <div className="grid gap-4">
        <p role="status">{t.mail.changed}</p>
        <a href="/" className={buttonLook("main")}>
          {t.signIn.signIn}
        </a>
      </div>
    );
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate(String(new FormData(event.currentTarget).get("password") ?? ""));
      }}
    >
      <Field
        label={t.account.new}
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={8}
        maxLength={128}
        hint={t.signIn.passwordHint}
        required
      />
      <Problem error={change.error} />
      <Button type="submit" look="main" disabled={change.isPending}>
        {t.account.changePassword}
      </Button>
    </form>
  );
}

function Problem({ error }: { error: Error | null }): ReactNode {
  return (
    error && (
      <p role="alert" className="text-danger text-sm">
        {sentenceOf(error)}
      </p>
    )
  );
}
