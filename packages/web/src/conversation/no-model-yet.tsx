/** On the start page of whoever could connect a model, where only the built-in assistant answers. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plug } from "lucide-react";
import type { Person } from "../account/account.ts";
import { t } from "../strings/index.ts";
import { useModels } from "./models.ts";

export function NoModelYet() {
  const models = useModels();
  const { data: person } = useQuery<Person | null>({ queryKey: ["person"], enabled: false });
  const isOffline = models.length === 1 && models[0]?.name === "offline";
  if (!person?.isAdmin || !isOffline) return null;
  return (
    <Link
      to="/admin"
      className="inline-flex items-center gap-2.5 rounded-xl border border-line bg-tint px-4 py-3 text-left text-sm transition-colors hover:border-brand/40"
    >
      <Plug size={16} aria-hidden="true" className="shrink-0 text-brand" />
      <span>
        <span className="font-medium">{t.connect.title}</span> <span className="text-quiet">{t.connect.onStart}</span>
      </span>
    </Link>
  );
}
