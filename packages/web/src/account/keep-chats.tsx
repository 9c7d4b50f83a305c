/** For whoever began without an account: making one, or signing in to one, to which the chats go. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { moveDrafts } from "../composer/drafts.ts";
import { t } from "../strings/index.ts";
import type { Person } from "./account.ts";
import { ByPasskey } from "./by-passkey.tsx";
import { ByProvider } from "./by-provider.tsx";
import { Section } from "./section.tsx";
import { SignInForm } from "./sign-in-form.tsx";

export function KeepChats({ person: { id } }: { person: Person }) {
  const [isNew, setIsNew] = useState(true);
  const queries = useQueryClient();
  const takeDrafts = () => {
    const next = queries.getQueryData<Person | null>(["person"]);
    if (next) moveDrafts(id, next.id);
  };
  return (
    <Section title={t.anonymous.keep}>
      <p className="text-quiet text-sm">{t.anonymous.keepText}</p>
      <div className="max-w-sm">
        <SignInForm isNew={isNew} onIsNew={setIsNew} onEntered={takeDrafts} />
        <ByPasskey onEntered={takeDrafts} />
        <ByProvider />
      </div>
    </Section>
  );
}
