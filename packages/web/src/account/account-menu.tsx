/** Who is signed in; the way to the account, and out. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { LogOut, ShieldUser } from "lucide-react";
import { useState } from "react";
import { forgetDrafts, hasDrafts } from "../composer/drafts.ts";
import { forgetChats } from "../conversation/chats.ts";
import { forgetBranches } from "../conversation/use-branches.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { tellTabs } from "../tabs.ts";
import { Confirm } from "../ui/confirm.tsx";
import { toasts } from "../ui/toasts.tsx";
import { account, type Person } from "./account.ts";
import { forgetQueries } from "./forget-queries.ts";

interface AccountMenuProps {
  person: Person;
  onOpen: () => void;
}

export function AccountMenu({ person, onOpen }: AccountMenuProps) {
  const { id: personId, isAnonymous } = person;
  const name = isAnonymous ? t.anonymous.guest : person.name;
  const words = isAnonymous
    ? { title: t.anonymous.leaveTitle, text: t.anonymous.leaveText, action: t.anonymous.leaveAction }
    : { title: t.account.draftsTitle, text: t.account.draftsText, action: t.account.signOutAnyway };
  const [isAsking, setIsAsking] = useState(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: isAnonymous ? account.leave : account.signOut,
    onError: (error) => void toasts.add({ title: sentenceOf(error) }),
    onSuccess: async () => {
      forgetChats();
      forgetBranches();
      forgetDrafts(personId);
      await navigate({ to: "/" });
      forgetQueries(queries);
      queries.setQueryData(["person"], null);
      tellTabs("person");
    },
  });
  return (
    <div className="border-line border-t p-2">
      <Link
        to="/account"
        onClick={onOpen}
        className="flex min-w-0 items-center gap-3 rounded-lg p-1.5 hover:bg-line/50 aria-[current=page]:bg-chosen"
      >
        <span
          aria-hidden="true"
          className="flex size-9 shrink-0 items-center justify-center rounded-full bg-brand font-semibold text-on-brand uppercase"
        >
          {[...name][0] ?? "?"}
        </span>
        <span className="min-w-0 flex-1 text-sm">
          <span className="sr-only">{t.account.of} </span>
          <span dir="auto" className="block truncate font-medium">
            {name}
          </span>{" "}
          <span className="block truncate text-quiet text-xs">{isAnonymous ? t.anonymous.keep : person.email}</span>
        </span>
      </Link>
      {person.isAdmin && (
        <Link
          to="/admin"
          onClick={onOpen}
          className="mt-1 flex w-full items-center gap-2 rounded-lg px-3 py-2 text-quiet text-sm hover:bg-line/50 hover:text-ink aria-[current=page]:bg-chosen"
        >
          <ShieldUser size={15} aria-hidden="true" />
          {t.admin.title}
        </Link>
      )}
      <button
        type="button"
        disabled={leave.isPending}
        onClick={() => (isAnonymous || hasDrafts(personId) ? setIsAsking(true) : leave.mutate())}
        className="mt-1 flex w-full items-center gap-2 rounded-lg px-3 py-2 text-quiet text-sm hover:bg-line/50 hover:text-ink disabled:opacity-50"
      >
        <LogOut size={15} aria-hidden="true" />
        {isAnonymous ? t.anonymous.leave : t.account.signOut}
      </button>
      <Confirm open={isAsking} onOpenChange={setIsAsking} {...words} onConfirm={() => leave.mutate()} />
    </div>
  );
}
