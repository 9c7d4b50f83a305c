/** Sharing a chat by a link: in its header. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Conversation } from "chatkeep/client";
import { Share2 } from "lucide-react";
import { useState } from "react";
import { account, type Person } from "../account/account.ts";
import { Choice, Outcome } from "../account/section.tsx";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Sheet } from "../ui/dialog.tsx";
import { IconButton } from "../ui/icon-button.tsx";
import { LinkList } from "./link-list.tsx";
import { links } from "./links.ts";

/** Whether this server has it. */
export function useSharing(): boolean {
  const ways = useQuery({ queryKey: ["ways"], queryFn: account.ways, staleTime: Number.POSITIVE_INFINITY });
  return ways.data?.sharing === true;
}

export function ShareChat({ stored }: { stored: Conversation | undefined }) {
  const [isOpen, setIsOpen] = useState(false);
  const isThere = useSharing();
  const isAnonymous = useQueryClient().getQueryData<Person | null>(["person"])?.isAnonymous === true;
  // Of a temporary one nothing is kept that could be shared.
  if (!stored || stored.expiresAt || !isThere) return null;
  return (
    <>
      <IconButton label={t.sharing.share} onClick={() => setIsOpen(true)}>
        <Share2 size={18} />
      </IconButton>
      <Sheet open={isOpen} onOpenChange={setIsOpen} title={t.sharing.share}>
        <p className="mb-4 text-quiet text-sm">{isAnonymous ? t.sharing.forAccounts : t.sharing.hint}</p>
        {!isAnonymous && <NewLinkForm conversationId={stored.id} />}
        {!isAnonymous && <LinkList conversationId={stored.id} />}
      </Sheet>
    </>
  );
}

const dayChoices = [7, 30, 90, 365];
const never = "never";

function NewLinkForm({ conversationId }: { conversationId: string }) {
  const queries = useQueryClient();
  const [days, setDays] = useState("30");
  const make = useMutation({
    mutationFn: links.create,
    onSuccess: () => queries.invalidateQueries({ queryKey: ["links"] }),
  });
  return (
    <form
      className="mb-5 grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate({ conversationId, ...(days !== never && { expiresInDays: Number(days) }) });
      }}
    >
      <Choice
        label={t.keys.end}
        value={days}
        options={[
          ...dayChoices.map((each): [string, string] => [String(each), t.keys.inDays(each)]),
          [never, t.keys.never],
        ]}
        onChange={setDays}
      />
      <Outcome error={make.error} done={make.isSuccess && t.sharing.madeNow} />
      <Button type="submit" look="main" className="justify-self-start" disabled={make.isPending}>
        {t.sharing.make}
      </Button>
    </form>
  );
}
