/** Signing in by the provider of OpenID Connect that the server has, if it has one. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { account } from "./account.ts";

export function ByProvider() {
  const { data: ways } = useQuery({ queryKey: ["ways"], queryFn: account.ways });
  const go = useMutation({ mutationFn: account.signInByProvider });
  const name = ways?.oidc;
  const refused = new URLSearchParams(location.search).get("error");
  if (!name) return null;
  return (
    <div className="mt-5 grid gap-2 border-line border-t pt-5">
      <Button disabled={go.isPending} onClick={() => go.mutate()}>
        {t.mail.byProvider(name)}
      </Button>
      {(go.error || refused) && (
        <p role="alert" className="text-danger text-sm">
          {go.error ? sentenceOf(go.error) : (refusals()[refused ?? ""] ?? t.mail.providerFailed(name))}
        </p>
      )}
    </div>
  );
}

/** Why somebody came back without being signed in, where they can do something about it. */
const refusals = (): Record<string, string> => ({
  account_not_linked: t.mail.notLinked,
  access_denied: t.mail.cancelled,
});
