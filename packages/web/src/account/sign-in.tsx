/** Signing in and signing up. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ComponentProps, useId, useState } from "react";
import { account } from "../api.ts";
import { Button } from "../ui/button.tsx";

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
        <h1 className="font-semibold text-xl">{isNew ? "Create your account" : "Sign in to chatkeep"}</h1>
        <p className="mt-1 text-quiet text-sm">Your conversations, on every device.</p>
        <div className="mt-5 grid gap-4">
          {isNew && <Field label="Name" name="name" autoComplete="name" maxLength={200} required />}
          <Field label="E-mail" name="email" type="email" autoComplete="email" required />
          <Field
            label="Password"
            name="password"
            type="password"
            autoComplete={isNew ? "new-password" : "current-password"}
            minLength={8}
            maxLength={128}
            hint={isNew ? "At least 8 characters" : undefined}
            required
          />
          {enter.error && (
            <p role="alert" className="text-danger text-sm">
              {enter.error.message}
            </p>
          )}
          <Button type="submit" look="main" disabled={enter.isPending}>
            {isNew ? "Sign up" : "Sign in"}
          </Button>
        </div>
        <p className="mt-5 text-quiet text-sm">
          {isNew ? "You have an account already?" : "You have no account yet?"}{" "}
          <button
            type="button"
            className="font-medium text-brand underline underline-offset-2"
            onClick={() => {
              setIsNew(!isNew);
              enter.reset();
            }}
          >
            {isNew ? "Sign in" : "Sign up"}
          </button>
        </p>
      </form>
    </main>
  );
}

function Field({ label, hint, ...props }: ComponentProps<"input"> & { label: string; hint?: string | undefined }) {
  const id = useId();
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="font-medium text-sm">
        {label}
      </label>
      <input
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className="rounded-lg border border-line bg-page px-3 py-2"
        {...props}
      />
      {hint && (
        <p id={`${id}-hint`} className="text-quiet text-xs">
          {hint}
        </p>
      )}
    </div>
  );
}
