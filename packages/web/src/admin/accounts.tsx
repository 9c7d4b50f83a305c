/** The accounts: looked for, with what is kept for each; a link for a password, administrators, and the end of one. */
import { Menu } from "@base-ui/react/menu";
import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Ellipsis } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Outcome, Section } from "../account/section.tsx";
import { language, t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { bytesInWords } from "../ui/bytes.ts";
import { Confirm } from "../ui/confirm.tsx";
import { Field } from "../ui/field.tsx";
import { MenuPopup, menuItemLook } from "../ui/menu.tsx";
import { dateOf } from "../ui/times.ts";
import { type Account, admin } from "./admin.ts";
import { MadeLink } from "./made-link.tsx";

const number = new Intl.NumberFormat(language);

export function Accounts() {
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const list = useInfiniteQuery({
    queryKey: ["admin", "users", search],
    queryFn: ({ pageParam }) => admin.users(search, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  const [doomed, setDoomed] = useState<Account>();
  const acts = useActs();
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section title={t.admin.accounts}>
      <div className="max-w-sm">
        <Field
          label={t.admin.search}
          type="search"
          maxLength={254}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <Outcome error={list.error ?? acts.error} done={acts.done} />
      {acts.link && <MadeLink {...acts.link} />}
      {list.data && items.length === 0 && <p className="text-quiet text-sm">{t.admin.nobody}</p>}
      <ul className="grid gap-2">
        {items.map((each) => (
          <AccountRow key={each.id} account={each} acts={acts} onRemove={() => setDoomed(each)} />
        ))}
      </ul>
      {list.hasNextPage && (
        <Button disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {t.list.more}
        </Button>
      )}
      <Confirm
        open={doomed !== undefined}
        onOpenChange={(isOpen) => !isOpen && setDoomed(undefined)}
        title={t.admin.removeTitle(doomed?.email ?? "")}
        text={t.admin.removeText}
        action={t.admin.remove}
        onConfirm={() => doomed && acts.remove(doomed)}
      />
    </Section>
  );
}

function useActs() {
  const queries = useQueryClient();
  const [done, setDone] = useState<string | false>(false);
  const read = () => queries.invalidateQueries({ queryKey: ["admin"] });
  const link = useMutation({
    mutationFn: async ({ id, email }: Account) => ({ ...(await admin.passwordLink(id)), email }),
  });
  const change = useMutation({
    mutationFn: ({ id, isAdmin }: Account) => admin.setAdmin(id, !isAdmin),
    onSettled: read,
  });
  const remove = useMutation({
    mutationFn: ({ id }: Account) => admin.remove(id),
    onSuccess: (_, { email }) => setDone(t.admin.removed(email)),
    onSettled: read,
  });
  return {
    done,
    link: link.data,
    error: link.error ?? change.error ?? remove.error,
    makeLink: link.mutate,
    change: change.mutate,
    remove: remove.mutate,
  };
}

interface AccountRowProps {
  account: Account;
  acts: ReturnType<typeof useActs>;
  onRemove: () => void;
}

function AccountRow({ account, acts, onRemove }: AccountRowProps) {
  const { email, name, isAdmin, createdAt, seenAt, conversations, messages, fileBytes, tokens } = account;
  const facts = [
    t.admin.made(dateOf(createdAt)),
    seenAt ? t.admin.seen(dateOf(seenAt)) : t.admin.signedOut,
    t.admin.has(number.format(conversations), number.format(messages)),
    fileBytes > 0 && t.admin.files(bytesInWords(fileBytes)),
    tokens > 0 && t.admin.tokens(number.format(tokens)),
  ];
  return (
    <li className="flex items-center gap-3 rounded-xl border border-line px-4 py-3 text-sm">
      <div className="min-w-0 flex-1">
        <p className="wrap-anywhere">
          <span dir="auto" className="font-medium">
            {name}
          </span>{" "}
          <span className="text-quiet">{email}</span>{" "}
          {isAdmin && <span className="rounded-full bg-chosen px-2 py-0.5 text-xs">{t.admin.administrator}</span>}
        </p>
        <p className="text-quiet text-xs">{facts.filter(Boolean).join(" · ")}</p>
      </div>
      <Menu.Root>
        <Menu.Trigger
          aria-label={t.list.moreFor(email)}
          className="inline-flex size-9 shrink-0 items-center justify-center rounded-lg text-quiet hover:bg-line/60 pointer-coarse:size-11"
        >
          <Ellipsis size={16} />
        </Menu.Trigger>
        <MenuPopup sideOffset={4} align="end">
          <Menu.Item className={menuItemLook} onClick={() => acts.makeLink(account)}>
            {t.admin.passwordLink}
          </Menu.Item>
          <Menu.Item className={menuItemLook} onClick={() => acts.change(account)}>
            {isAdmin ? t.admin.takeAdmin : t.admin.makeAdmin}
          </Menu.Item>
          <Menu.Item className={`${menuItemLook} text-danger`} onClick={onRemove}>
            {t.admin.remove}
          </Menu.Item>
        </MenuPopup>
      </Menu.Root>
    </li>
  );
}
