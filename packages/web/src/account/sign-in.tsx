/** The page for whoever is not signed in: signing in, signing up, and going on without an account where the server has that. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { account } from "./account.ts";
import { ByPasskey } from "./by-passkey.tsx";
import { ByProvider } from "./by-provider.tsx";
import { Forgotten, NewPassword, resetPath } from "./forgotten.tsx";
import { invited, SignInForm, useEntered } from "./sign-in-form.tsx";

export function SignIn() {
  const [isNew, setIsNew] = useState(invited().token !== undefined);
  const [isForgotten, setIsForgotten] = useState(false);
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  const token = location.pathname === resetPath ? (new URLSearchParams(location.search).get("token") ?? "") : undefined;
  const isPassword = isForgotten || token !== undefined;
  const title = isPassword ? t.mail.forgottenTitle : isNew ? t.signIn.newTitle : t.signIn.title;
  return (
    <main className="flex min-h-full items-center justify-center bg-side p-4">
      <div className="w-full max-w-sm rounded-2xl border border-line bg-raised p-6 shadow-sm">
        <img src="/favicon.svg" alt="" className="mb-4 size-10" />
        <h1 className="font-semibold text-xl">{title}</h1>
        <p className="mt-1 mb-5 text-quiet text-sm">{t.signIn.subtitle}</p>
        {token !== undefined ? (
          <NewPassword token={token} />
        ) : isForgotten ? (
          <Forgotten onBack={() => setIsForgotten(false)} />
        ) : (
          <SignInForm isNew={isNew} onIsNew={setIsNew} onForgotten={() => setIsForgotten(true)} />
        )}
        {!isPassword && <ByPasskey />}
        {!isPassword && <ByProvider />}
        {ways?.anonymous && !isPassword && <Begin />}
      </div>
    </main>
  );
}

function Begin() {
  const queries = useQueryClient();
  const begin = useMutation({
    mutationFn: account.begin,
    onSuccess: useEntered(),
    // Another tab may have begun meanwhile.
    onError: () => queries.invalidateQueries({ queryKey: ["person"] }),
  });
  return (
    <div className="mt-5 grid gap-2 border-line border-t pt-5">
      <Button aria-describedby="begin-hint" disabled={begin.isPending} onClick={() => begin.mutate()}>
        {t.anonymous.begin}
      </Button>
      <p id="begin-hint" className="text-quiet text-xs">
        {t.anonymous.hint}
      </p>
      {begin.error && (
        <p role="alert" className="text-danger text-sm">
          {sentenceOf(begin.error)}
        </p>
      )}
    </div>
  );
}
