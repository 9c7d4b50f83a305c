/** What is written to sign in or up. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { tellTabs } from "../tabs.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { account } from "./account.ts";

/** Gives what is to be done when somebody has come in: nothing of whoever was there before is shown, and other tabs hear of it. */
export function useEntered(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "person" });
    await queries.invalidateQueries({ queryKey: ["person"] });
    tellTabs("person");
  };
}

interface SignInFormProps {
  /** Signing up, in place of signing in. */
  isNew: boolean;
  onIsNew: (isNew: boolean) => void;
  onEntered?: () => void;
}

export function SignInForm({ isNew: wantsNew, onIsNew, onEntered = () => {} }: SignInFormProps) {
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  const isClosed = ways?.signUp === false;
  const isNew = wantsNew && !isClosed;
  const entered = useEntered();
  const enter = useMutation({
    mutationFn: (form: FormData) => {
      const field = (name: string) => String(form.get(name) ?? "").trim();
      const password = String(form.get("password") ?? "");
      return isNew ? account.signUp(field("name"), field("email"), password) : account.signIn(field("email"), password);
    },
    onSuccess: async () => {
      await entered();
      onEntered();
    },
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
        <Field label={t.signIn.email} name="email" type="email" autoComplete="email" required />
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
        <p className="mt-5 text-quiet text-sm">{t.signIn.closed}</p>
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
