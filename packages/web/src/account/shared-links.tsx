/** The links to a user's conversations; nothing where this server has no sharing. */
import { LinkList } from "../sharing/link-list.tsx";
import { useSharing } from "../sharing/share-chat.tsx";
import { t } from "../strings/index.ts";
import { Section } from "./section.tsx";

export function SharedLinks() {
  if (!useSharing()) return null;
  return (
    <Section title={t.sharing.links}>
      <p className="text-quiet text-sm">{t.sharing.allHint}</p>
      <LinkList />
    </Section>
  );
}
