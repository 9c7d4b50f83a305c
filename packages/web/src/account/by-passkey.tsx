/** Signing in with a passkey, where the browser has them for this address. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { account } from "./account.ts";
import { hasPasskeys, passkeys } from "./passkeys.ts";
import { useEntered } from "./sign-in-form.tsx";

export function ByPasskey() {
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  const enter = useMutation({ mutationFn: passkeys.signIn, onSuccess: useEntered() });
  if (!hasPasskeys(ways?.passkeys)) return null;
  return (
    <div className="mt-5 grid gap-2 border-line border-t pt-5">
      <Button disabled={enter.isPending} onClick={() => enter.mutate()}>
        <KeyRound size={16} aria-hidden="true" />
        {t.passkeys.signIn}
      </Button>
      {enter.error && (
        <p role="alert" className="text-danger text-sm">
          {sentenceOf(enter.error)}
        </p>
      )}
    </div>
  );
}
