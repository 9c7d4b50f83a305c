/** For whoever began without an account: making one, or signing in to one, to which the chats go. */
import { useState } from "react";
import { t } from "../strings/index.ts";
import { ByPasskey } from "./by-passkey.tsx";
import { ByProvider } from "./by-provider.tsx";
import { Section } from "./section.tsx";
import { SignInForm } from "./sign-in-form.tsx";

export function KeepChats() {
  const [isNew, setIsNew] = useState(true);
  return (
    <Section title={t.anonymous.keep}>
      <p className="text-quiet text-sm">{t.anonymous.keepText}</p>
      <div className="max-w-sm">
        <SignInForm isNew={isNew} onIsNew={setIsNew} />
        <ByPasskey />
        <ByProvider />
      </div>
    </Section>
  );
}
