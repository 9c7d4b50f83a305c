/** Signing in and signing up. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { tellTabs } from "../tabs.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { account } from "./account.ts";

export function SignIn() {
  const [isNew, setIsNew] = useState(false);
  const queries = useQueryClient();
  const enter = useMutation({
    mutationFn: (form: FormData) => {
      const field = (name: string) => String(form.get(name) ?? "").trim();
      const password = String(form.get("password") ?? "");
      return isNew ? account.signUp(field("name"), field("email"), password) : account.signIn(field("email"), password);
    },
    onSuccess: async () => {
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "person" });
      await queries.invalidateQueries({ queryKey: ["person"] });
      tellTabs("person");
    },
  });
  return (
    <main className="flex min-h-full items-center justify-center bg-side p-4">
      <form
        className="w-full max-w-sm rounded-2xl border border-line bg-raised p-6 shadow-sm"
        onSubmit={(event) => {
          event.preventDefault();
          enter.mutate(new FormData(event.currentTarget));
        }}
      >
        <img src="/favicon.svg" alt="" className="mb-4 size-10" />
        <h1 className="font-semibold text-xl">{isNew ? t.signIn.newTitle : t.signIn.title}</h1>
        <p className="mt-1 text-quiet text-sm">{t.signIn.subtitle}</p>
        <div className="mt-5 grid gap-4">
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
        <p className="mt-5 text-quiet text-sm">
          {isNew ? t.signIn.hasAccount : t.signIn.hasNone}{" "}
          <button
            type="button"
            className="font-medium text-brand underline underline-offset-2"
            onClick={() => {
              setIsNew(!isNew);
              enter.reset();
            }}
          >
            {isNew ? t.signIn.signIn : t.signIn.signUp}
          </button>
        </p>
      </form>
    </main>
  );
}
