/** The links that there are: each to be copied, opened, and ended. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Copy } from "lucide-react";
import { useRef, useState } from "react";
import { Outcome } from "../account/section.tsx";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { copyText } from "../ui/clipboard.ts";
import { dateOf } from "../ui/times.ts";
import { toasts } from "../ui/toasts.tsx";
import { type Link, links, linksKey } from "./links.ts";

/** Of one conversation, or all, which then say of which each is. */
export function LinkList({ conversationId }: { conversationId?: string }) {
  const queries = useQueryClient();
  const queryKey = linksKey(conversationId);
  const { data: list, error, isPending, refetch } = useQuery({ queryKey, queryFn: () => links.list(conversationId) });
  const box = useRef<HTMLDivElement>(null);
  const end = useMutation({
    mutationFn: links.end,
    onSettled: () => queries.invalidateQueries({ queryKey: ["links"] }),
    // What was pressed is gone.
    onSuccess: () => box.current?.focus(),
  });
  return (
    <div ref={box} tabIndex={-1} className="grid gap-3 outline-none" aria-busy={isPending}>
      {isPending && <p className="text-quiet text-sm">{t.sharing.loading}</p>}
      {error && !list && (
        <div className="flex flex-wrap items-center gap-3">
          <Outcome error={error} done={false} />
          <Button onClick={() => refetch()}>{t.tryAgain}</Button>
        </div>
      )}
      {list?.length === 0 && <p className="text-quiet text-sm">{t.sharing.none}</p>}
      {list && list.length > 0 && (
        <ul className="grid gap-2" aria-label={t.sharing.links}>
          {list.map((link) => (
            <LinkRow
              key={link.id}
              link={link}
              isNamed={conversationId === undefined}
              isLocked={end.isPending}
              onEnd={() => end.mutate(link)}
            />
          ))}
        </ul>
      )}
      <Outcome error={end.error} done={end.isSuccess && t.sharing.ended} />
    </div>
  );
}

interface LinkRowProps {
  link: Link;
  isNamed: boolean;
  isLocked: boolean;
  onEnd: () => void;
}

function LinkRow({ link: { url, title, createdAt, expiresAt }, isNamed, isLocked, onEnd }: LinkRowProps) {
  const [isCopied, setIsCopied] = useState(false);
  const isOver = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  const facts = [
    t.sharing.made(dateOf(createdAt)),
    expiresAt === null ? t.keys.noEnd : (isOver ? t.keys.ended : t.keys.ends)(dateOf(expiresAt)),
  ].join(" · ");
  const copy = () =>
    copyText(url).then(
      () => setIsCopied(true),
      () => void toasts.add({ title: t.chat.notCopied }),
    );
  return (
    <li className="grid gap-2 rounded-xl border border-line px-4 py-3 text-sm">
      {isNamed && (
        <p className="truncate font-medium" dir="auto">
          {title ?? t.list.newChat}
        </p>
      )}
      <a href={url} target="_blank" rel="noopener" className="truncate text-brand underline">
        {url.replace(/^https?:\/\//, "")}
      </a>
      <p className={`text-xs ${isOver ? "text-danger" : "text-quiet"}`}>{facts}</p>
      <div className="flex flex-wrap gap-2">
        <Button onClick={copy} aria-label={`${isCopied ? t.chat.copied : t.chat.copy}: ${facts}`}>
          {isCopied ? <Check size={16} aria-hidden="true" /> : <Copy size={16} aria-hidden="true" />}
          {isCopied ? t.chat.copied : t.chat.copy}
        </Button>
        <Button onClick={onEnd} disabled={isLocked} aria-label={`${t.sharing.end}: ${facts}`}>
          {t.sharing.end}
        </Button>
      </div>
    </li>
  );
}
