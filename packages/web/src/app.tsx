/** What is shown at which address, and to whom: without a signed-in person every address shows the sign-in page, and opens after it. */
import { type QueryClient, useQuery } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  Outlet,
  useNavigate,
  useParams,
} from "@tanstack/react-router";
import { Compass, ListTodo, PanelLeft } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { v4 as uuid } from "uuid";
import { account, type Person } from "./account/account.ts";
import { AccountMenu } from "./account/account-menu.tsx";
import { forgetQueries } from "./account/forget-queries.ts";
import { resetPath } from "./account/forgotten.tsx";
import { SignIn } from "./account/sign-in.tsx";
import { takeDraftsAlong } from "./composer/drafts.ts";
import { forgetChats } from "./conversation/chats.ts";
import { ConversationView } from "./conversation/conversation-view.tsx";
import { Help } from "./help.tsx";
import { useLive } from "./live.ts";
import { OfflineBanner } from "./offline/offline-banner.tsx";
import { ProjectPage } from "./projects/project-page.tsx";
import { Sidebar } from "./sidebar/sidebar.tsx";
import { t } from "./strings/index.ts";
import { hearTabs } from "./tabs.ts";
import { useTasks } from "./tasks/tasks.ts";
import { TasksPanel } from "./tasks/tasks-panel.tsx";
import { buttonLook } from "./ui/button.tsx";
import { Card } from "./ui/card.tsx";
import { useDroppedFiles } from "./ui/dropped-files.ts";
import { Failure } from "./ui/failure.tsx";
import { IconButton } from "./ui/icon-button.tsx";
import { remember, remembered } from "./ui/remembered.ts";
import { useShortcuts } from "./ui/shortcuts.ts";
import { Toasts } from "./ui/toasts.tsx";

const AccountPage = lazy(() =>
  import("./account/account-page.tsx").then((module) => ({ default: module.AccountPage })),
);

const AdminPage = lazy(() => import("./admin/admin-page.tsx").then((module) => ({ default: module.AdminPage })));

let lastPersonId: string | undefined;

/** Who is signed in. Nothing of one person may be shown to the next, however the change came about. */
async function currentPerson({ client }: { client: QueryClient }): Promise<Person | null> {
  const person = await account.current();
  if (person?.id !== lastPersonId) {
    forgetChats();
    forgetQueries(client);
  }
  lastPersonId = person?.id;
  takeDraftsAlong(person);
  return person;
}

function usePersonId(): string {
  const { data } = useQuery({ queryKey: ["person"], queryFn: currentPerson });
  return data?.id ?? "";
}

function Root() {
  const { data: person, error, isPending, refetch } = useQuery({ queryKey: ["person"], queryFn: currentPerson });
  useEffect(() => hearTabs("person", () => void refetch()), [refetch]);
  useDroppedFiles();
  if (isPending) return <div className="h-full" aria-busy="true" />;
  if (error) return <Failure error={error} onRetry={() => refetch()} />;
  // The link for a new password is also followed by who is signed in.
  if (!person || location.pathname === resetPath) return <SignIn />;
  return <SignedIn key={person.id} person={person} />;
}

const side = "fixed inset-y-0 z-20 flex w-72 shrink-0 flex-col bg-side md:static md:z-auto print:hidden";
/** The list is hidden when it has moved away, and there at once when it comes: what is hidden takes no focus. */
const listLook = {
  open: "visible translate-x-0 transition-[translate]",
  closed: "invisible -translate-x-full transition-[translate,visibility]",
  beside: "md:visible md:transition-[margin]",
  away: "md:invisible md:-ml-72 md:transition-[margin,visibility]",
};
/** Beside the conversation there is room for the list. */
const wide = matchMedia("(min-width: 48rem)");

function SignedIn({ person }: { person: Person }) {
  /** Above the conversation, where there is no room beside it. */
  const [isListOpen, setIsListOpen] = useState(false);
  const [isListAway, setIsListAway] = useState(() => remembered("list") === "hidden");
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const [hasTasks, setHasTasks] = useState(() => remembered("tasks") === "shown" && innerWidth >= 1024);
  const navigate = useNavigate();
  const isAnyTask = (useTasks().data?.items.length ?? 0) > 0;
  const showTasks = (shown: boolean) => {
    remember("tasks", shown ? "shown" : "hidden");
    setHasTasks(shown);
    if (!shown) setTimeout(() => document.getElementById("show-tasks")?.focus());
  };
  const putListAway = (isAway: boolean) => {
    remember("list", isAway ? "hidden" : "shown");
    setIsListAway(isAway);
    if (isAway) setTimeout(() => document.getElementById("show-list")?.focus());
  };
  const showList = () => {
    if (wide.matches) putListAway(false);
    else setIsListOpen(true);
    setTimeout(() => document.getElementById("search")?.focus());
  };
  const closeList = () => {
    if (isListOpen) document.getElementById("conversation")?.focus();
    setIsListOpen(false);
  };
  useLive(person.id);
  useShortcuts([
    { key: "o", isCommand: true, isShift: true, onPress: () => void navigate({ to: "/" }) },
    { key: "k", isCommand: true, onPress: showList },
    { key: "b", isCommand: true, onPress: () => (wide.matches && !isListAway ? putListAway(true) : showList()) },
    { key: "l", isCommand: true, isShift: true, onPress: () => document.getElementById("message")?.focus() },
    { key: "y", isCommand: true, isShift: true, onPress: () => showTasks(!hasTasks) },
    { key: "/", isCommand: true, onPress: () => setIsHelpOpen(true) },
    { key: "?", isShift: true, onPress: () => setIsHelpOpen(true) },
    { key: "escape", onPress: closeList },
  ]);
  return (
    <div className="flex h-full flex-col print:block print:h-auto">
      <a
        href="#conversation"
        className="sr-only rounded bg-raised px-3 py-2 focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-30 print:hidden"
      >
        {t.skip}
      </a>
      <OfflineBanner />
      <div className="flex min-h-0 flex-1 print:block">
        {isListOpen && (
          <button
            type="button"
            aria-label={t.closeList}
            className="fixed inset-0 z-10 bg-black/40 md:hidden"
            onClick={closeList}
          />
        )}
        <aside
          className={`${side} left-0 border-line border-r md:translate-x-0 ${isListOpen ? listLook.open : listLook.closed} ${isListAway ? listLook.away : listLook.beside}`}
        >
          <Sidebar onOpen={closeList} onHide={() => (wide.matches ? putListAway(true) : closeList())} />
          <AccountMenu person={person} onOpen={closeList} />
        </aside>
        <main
          id="conversation"
          tabIndex={-1}
          data-list-away={isListAway || undefined}
          className="group/main relative flex min-w-0 flex-1 flex-col outline-none"
        >
          <div className="pointer-events-none absolute inset-x-0 top-0 z-10 flex h-12 items-center justify-between px-1.5 *:pointer-events-auto print:hidden">
            <IconButton id="show-list" label={t.showList} onClick={showList} className={isListAway ? "" : "md:hidden"}>
              <PanelLeft size={20} />
            </IconButton>
            {!hasTasks && isAnyTask && (
              <IconButton id="show-tasks" label={t.tasks.show} onClick={() => showTasks(true)} className="ms-auto">
                <ListTodo size={20} />
              </IconButton>
            )}
          </div>
          <div className="min-h-0 flex-1 print:h-auto">
            <Outlet />
          </div>
        </main>
        {hasTasks && (
          <button
            type="button"
            aria-label={t.tasks.hide}
            tabIndex={-1}
            className="fixed inset-0 z-10 bg-black/40 md:hidden"
            onClick={() => showTasks(false)}
          />
        )}
        {hasTasks && (
          <aside aria-label={t.tasks.title} className={`${side} right-0 border-line border-l`}>
            <TasksPanel onClose={() => showTasks(false)} />
          </aside>
        )}
      </div>
      <Help open={isHelpOpen} onOpenChange={setIsHelpOpen} />
      <Toasts />
    </div>
  );
}

function Account() {
  const { data: person } = useQuery({ queryKey: ["person"], queryFn: currentPerson });
  return person ? (
    <Suspense>
      <AccountPage key={person.name} person={person} />
    </Suspense>
  ) : null;
}

function NewConversation() {
  const [id] = useState(() => uuid());
  return <ConversationView key={id} personId={usePersonId()} id={id} isNew />;
}

function OpenConversation() {
  const { conversationId } = useParams({ from: "/c/$conversationId" });
  return <ConversationView key={conversationId} personId={usePersonId()} id={conversationId} />;
}

function Project() {
  const { projectId } = useParams({ from: "/p/$projectId" });
  return <ProjectPage key={projectId} personId={usePersonId()} projectId={projectId} />;
}

const root = createRootRoute({
  component: Root,
  notFoundComponent: Nowhere,
});
const home = createRoute({ getParentRoute: () => root, path: "/", component: NewConversation });
const conversation = createRoute({
  getParentRoute: () => root,
  path: "/c/$conversationId",
  component: OpenConversation,
});

function Admin() {
  const { data: person } = useQuery({ queryKey: ["person"], queryFn: currentPerson });
  if (!person?.isAdmin) return <Nowhere />;
  return (
    <Suspense>
      <AdminPage />
    </Suspense>
  );
}

function Nowhere() {
  return (
    <Card icon={Compass} text={t.nothingHere}>
      <Link to="/" className={buttonLook()}>
        {t.list.newChat}
      </Link>
    </Card>
  );
}

const projectRoute = createRoute({ getParentRoute: () => root, path: "/p/$projectId", component: Project });

const accountRoute = createRoute({ getParentRoute: () => root, path: "/account", component: Account });

const adminRoute = createRoute({ getParentRoute: () => root, path: "/admin", component: Admin });

export function createAppRouter() {
  return createRouter({
    routeTree: root.addChildren([home, conversation, projectRoute, accountRoute, adminRoute]),
    defaultErrorComponent: ({ reset }) => <Failure error={new Error(t.wentWrong)} onRetry={reset} />,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
