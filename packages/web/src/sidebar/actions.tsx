/** What one can do, found by its words in the field of search: places to go, projects, tags, and how the app looks. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  Archive,
  Folder,
  type LucideIcon,
  Moon,
  ShieldUser,
  SquarePen,
  Sun,
  Tag,
  Trash2,
  UserRound,
} from "lucide-react";
import type { Person } from "../account/account.ts";
import { useProjects } from "../projects/projects.ts";
import { t } from "../strings/index.ts";
import { useTags } from "../tags/tags.ts";
import { chooseTheme } from "../ui/theme.ts";

/** What the list shows in place of all chats. */
export type Place = "active" | "archive" | "trash" | { tag: string };

interface Action {
  key: string;
  words: string;
  icon: LucideIcon;
  act: () => void;
}

interface ActionsProps {
  search: string;
  onPlace: (place: Place) => void;
  /** When it leads away from the list. */
  onOpen: () => void;
  onDone: () => void;
}

export function Actions({ search, onPlace, onOpen, onDone }: ActionsProps) {
  const found = useActions(onPlace, onOpen).filter(({ words }) => isMeant(words, search));
  if (found.length === 0) return null;
  return (
    <ul aria-label={t.list.actions} className="border-line border-b pb-1">
      {found.map(({ key, words, icon: Icon, act }) => (
        <li key={key}>
          <button
            type="button"
            data-result
            onClick={() => {
              onDone();
              act();
            }}
            className="flex w-full items-center gap-2 rounded-lg px-3 py-1.5 text-left text-sm hover:bg-line/50 focus-visible:bg-line/50 pointer-coarse:py-3"
          >
            <Icon size={15} aria-hidden="true" className="shrink-0 text-quiet" />
            <span dir="auto" className="truncate">
              {words}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function useActions(onPlace: (place: Place) => void, onOpen: () => void): Action[] {
  const navigate = useNavigate();
  const { data: person } = useQuery<Person | null>({ queryKey: ["person"], enabled: false });
  const projects = useProjects();
  const tags = useTags();
  const go = (to: string) => () => {
    void navigate({ to });
    onOpen();
  };
  const look = (theme: "light" | "dark") => ({
    words: `${t.account.theme}: ${t.account.themes[theme]}`,
    act: () => chooseTheme(theme),
  });
  const toAdmin = { key: "admin", words: t.admin.title, icon: ShieldUser, act: go("/admin") };
  return [
    { key: "new", words: t.list.newChat, icon: SquarePen, act: go("/") },
    ...projects.map(({ id, name }) => ({ key: id, words: name, icon: Folder, act: go(`/p/${id}`) })),
    ...tags.map(({ name }) => ({ key: `#${name}`, words: name, icon: Tag, act: () => onPlace({ tag: name }) })),
    { key: "archive", words: t.list.archive, icon: Archive, act: () => onPlace("archive") },
    { key: "trash", words: t.trash.title, icon: Trash2, act: () => onPlace("trash") },
    { key: "account", words: t.account.title, icon: UserRound, act: go("/account") },
    ...(person?.isAdmin ? [toAdmin] : []),
    { key: "light", icon: Sun, ...look("light") },
    { key: "dark", icon: Moon, ...look("dark") },
  ];
}

/** Each word that is written begins one of its words. */
function isMeant(words: string, search: string): boolean {
  const whole = words.toLocaleLowerCase();
  const parts = [whole, ...whole.split(/[\s:]+/)];
  return search
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((part) => parts.some((each) => each.startsWith(part)));
}
