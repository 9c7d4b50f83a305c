/** Who is signed in, and signing out. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { account } from "../api.ts";
import { forgetDrafts } from "../composer/drafts.ts";
import { forgetChats } from "../conversation/chats.ts";
import { IconButton } from "../ui/icon-button.tsx";

export function AccountMenu({ name, email }: { name: string; email: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: account.signOut,
    onSuccess: async () => {
      forgetChats();
      forgetDrafts();
      await navigate({ to: "/" });
      queries.setQueryData(["person"], null);
      queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "person" });
    },
  });
  return (
    <div className="flex items-center gap-3 border-line border-t p-3">
      <span
        aria-hidden="true"
        className="flex size-9 shrink-0 items-center justify-center rounded-full bg-brand font-semibold text-on-brand uppercase"
      >
        {[...name][0] ?? "?"}
      </span>
      <div className="min-w-0 flex-1 text-sm">
        <p className="truncate font-medium">{name}</p>
        <p className="truncate text-quiet text-xs">{email}</p>
      </div>
      <IconButton label="Sign out" onClick={() => leave.mutate()} disabled={leave.isPending}>
        <LogOut size={18} />
      </IconButton>
    </div>
  );
}
