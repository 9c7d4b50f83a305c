/** All links to one's conversations, where the server has any. */
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
