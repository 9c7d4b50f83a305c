/** Who is signed in; the way to the account, and out. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { account } from "../api.ts";
import { forgetDrafts } from "../composer/drafts.ts";
import { forgetChats } from "../conversation/chats.ts";
import { t } from "../strings/index.ts";
import { IconButton } from "../ui/icon-button.tsx";
import { toasts } from "../ui/toasts.tsx";

interface AccountMenuProps {
  name: string;
  email: string;
  onOpen: () => void;
}

export function AccountMenu({ name, email, onOpen }: AccountMenuProps) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: account.signOut,
    onError: (error) => void toasts.add({ title: error.message }),
    onSuccess: async () => {
      forgetChats();
      forgetDrafts();
      await navigate({ to: "/" });
      queries.setQueryData(["person"], null);
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "person" });
    },
  });
  return (
    <div className="flex items-center gap-1 border-line border-t p-2">
      <Link
        to="/account"
        onClick={onOpen}
        aria-label={t.account.open(name)}
        className="flex min-w-0 flex-1 items-center gap-3 rounded-lg p-1.5 hover:bg-line/50 aria-[current=page]:bg-line/80"
      >
        <span
          aria-hidden="true"
          className="flex size-9 shrink-0 items-center justify-center rounded-full bg-brand font-semibold text-on-brand uppercase"
        >
          {[...name][0] ?? "?"}
        </span>
        <span className="min-w-0 flex-1 text-sm">
          <span className="block truncate font-medium">{name}</span>
          <span className="block truncate text-quiet text-xs">{email}</span>
        </span>
      </Link>
      <IconButton label={t.account.signOut} onClick={() => leave.mutate()} disabled={leave.isPending}>
        <LogOut size={18} />
      </IconButton>
    </div>
  );
}
