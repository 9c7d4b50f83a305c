/** The account: name, password, appearance, devices, data, and its end. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { OfflineSwitch } from "../offline/offline-switch.tsx";
import { chooseLanguage, language, languageNames, t } from "../strings/index.ts";
import { Button, buttonLook } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Field } from "../ui/field.tsx";
import { chooseTheme, currentTheme, type Theme } from "../ui/theme.ts";
import { account, type Person } from "./account.ts";
import { ApiKeys } from "./api-keys.tsx";
import { Devices } from "./devices.tsx";
import { EmailAddress } from "./email-address.tsx";
import { ImportFile } from "./import-file.tsx";
import { Instructions } from "./instructions.tsx";
import { KeepChats } from "./keep-chats.tsx";
import { NoticesSwitch } from "./notices.tsx";
import { Passkeys } from "./passkey-list.tsx";
import { Choice, Outcome, Section, valueIn } from "./section.tsx";
import { SharedLinks } from "./shared-links.tsx";
import { Usage } from "./usage.tsx";

export function AccountPage({ person }: { person: Person }) {
  const isAnonymous = person.isAnonymous === true;
  const { data: hasPassword } = useQuery({
    queryKey: ["hasPassword"],
    queryFn: account.hasPassword,
    enabled: !isAnonymous,
  });
  return (
    <div className="relative h-full overflow-y-auto">
      <div className="mx-auto grid max-w-2xl gap-8 px-4 pt-14 pb-6 md:pt-6 md:group-data-list-away/main:pt-14">
        <h1 className="font-semibold text-2xl">{t.account.title}</h1>
        {isAnonymous ? <KeepChats /> : <Profile person={person} />}
        {hasPassword !== undefined && <EmailAddress person={person} hasPassword={hasPassword} />}
        {hasPassword && <Password />}
        {hasPassword !== undefined && <Passkeys hasPassword={hasPassword} />}
        <Appearance />
        <Instructions />
        {!isAnonymous && <Devices />}
        <Usage />
        {!isAnonymous && <SharedLinks />}
        <ApiKeys isAnonymous={isAnonymous} />
        <Section title={t.account.data}>
          <div>
            <a href={account.exportUrl} download className={buttonLook()}>
              <Download size={16} aria-hidden="true" />
              {t.account.export}
            </a>
            <p className="mt-2 text-quiet text-sm">{t.account.exportHint}</p>
          </div>
          <ImportFile />
        </Section>
        {hasPassword !== undefined && <End hasPassword={hasPassword} />}
      </div>
    </div>
  );
}

function Profile({ person }: { person: Person }) {
  const queries = useQueryClient();
  const rename = useMutation({
    mutationFn: account.rename,
    onSuccess: () => queries.invalidateQueries({ queryKey: ["person"] }),
  });
  return (
    <Section title={t.account.profile}>
      <form
        className="grid max-w-sm gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate(valueIn(event, "name").trim());
        }}
      >
        <Field
          label={t.account.name}
          name="name"
          defaultValue={person.name}
          autoComplete="name"
          maxLength={200}
          required
        />
        <Outcome error={rename.error} done={rename.isSuccess && t.account.saved} />
        <Button type="submit" className="justify-self-start" disabled={rename.isPending}>
          {t.save}
        </Button>
      </form>
    </Section>
  );
}

function Password() {
  const change = useMutation({
    mutationFn: ({ current, next }: { current: string; next: string }) => account.changePassword(current, next),
  });
  return (
    <Section title={t.account.password}>
      <form
        className="grid max-w-sm gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const wanted = { current: valueIn(event, "current"), next: valueIn(event, "next") };
          change.mutate(wanted, { onSuccess: () => form.reset() });
        }}
      >
        <Field label={t.account.current} name="current" type="password" autoComplete="current-password" required />
        <Field
          label={t.account.new}
          name="next"
          type="password"
          autoComplete="new-password"
          minLength={8}
          maxLength={128}
          hint={t.signIn.passwordHint}
          required
        />
        <Outcome error={change.error} done={change.isSuccess && t.account.passwordChanged} />
        <Button type="submit" className="justify-self-start" disabled={change.isPending}>
          {t.account.changePassword}
        </Button>
      </form>
    </Section>
  );
}

function Appearance() {
  const [theme, setTheme] = useState(currentTheme);
  return (
    <Section title={t.account.look}>
      <div className="flex flex-wrap gap-6">
        <Choice
          label={t.account.theme}
          value={theme}
          options={Object.entries(t.account.themes)}
          onChange={(next) => {
            chooseTheme(next as Theme);
            setTheme(next as Theme);
          }}
        />
        <Choice
          label={t.account.language}
          value={language}
          options={languageNames.map(({ tag, name }) => [tag, name])}
          onChange={chooseLanguage}
        />
      </div>
      <NoticesSwitch />
      <OfflineSwitch />
    </Section>
  );
}

function End({ hasPassword }: { hasPassword: boolean }) {
  const queries = useQueryClient();
  const [password, setPassword] = useState("");
  const [isAsking, setIsAsking] = useState(false);
  const end = useMutation({
    mutationFn: account.delete,
    onSuccess: () => queries.invalidateQueries({ queryKey: ["person"] }),
  });
  return (
    <Section title={t.account.danger}>
      <p className="text-quiet text-sm">{t.account.dangerHint}</p>
      <form
        className="grid max-w-sm gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          setIsAsking(true);
        }}
      >
        {hasPassword && (
          <Field
            label={t.account.current}
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            required
          />
        )}
        <Outcome error={end.error} done={false} />
        <Button type="submit" look="danger" className="justify-self-start" disabled={end.isPending}>
          {t.account.danger}
        </Button>
      </form>
      <Confirm
        open={isAsking}
        onOpenChange={setIsAsking}
        title={t.account.confirmTitle}
        text={t.account.dangerHint}
        action={t.account.confirm}
        onConfirm={() => end.mutate(hasPassword ? password : undefined)}
      />
    </Section>
  );
}
