/** What is shown at which address, and to whom: without a signed-in person every address shows the sign-in page, and opens after it. */
import { type QueryClient, useQuery } from "@tanstack/react-query";
import { createRootRoute, createRoute, createRouter, Outlet, useParams } from "@tanstack/react-router";
import { PanelLeft } from "lucide-react";
import { useState } from "react";
import { v4 as uuid } from "uuid";
import { AccountMenu } from "./account/account-menu.tsx";
import { SignIn } from "./account/sign-in.tsx";
import { account, type Person } from "./api.ts";
import { forgetChats } from "./conversation/chats.ts";
import { ConversationView } from "./conversation/conversation-view.tsx";
import { useLive } from "./live.ts";
import { Sidebar } from "./sidebar/sidebar.tsx";
import { Failure } from "./ui/failure.tsx";
import { IconButton } from "./ui/icon-button.tsx";

let lastPersonId: string | undefined;

/** Who is signed in. Nothing of one person may be shown to the next, however the change came about. */
async function currentPerson({ client }: { client: QueryClient }): Promise<Person | null> {
  const person = await account.current();
  if (person?.id !== lastPersonId) {
    forgetChats();
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "person" });
  }
  lastPersonId = person?.id;
  return person;
}

function usePersonId(): string {
  const { data } = useQuery({ queryKey: ["person"], queryFn: currentPerson });
  return data?.id ?? "";
}

function Root() {
  const { data: person, error, isPending, refetch } = useQuery({ queryKey: ["person"], queryFn: currentPerson });
  if (isPending) return <div className="h-full" aria-busy="true" />;
  if (error) return <Failure error={error} onRetry={() => refetch()} />;
  if (!person) return <SignIn />;
  return <SignedIn key={person.id} person={person} />;
}

function SignedIn({ person: { name, email } }: { person: Person }) {
  const [open, setOpen] = useState(false);
  useLive();
  return (
    <div className="flex h-full">
      <a
        href="#conversation"
        className="sr-only rounded bg-raised px-3 py-2 focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-30"
      >
        Skip to the conversation
      </a>
      {open && (
        <button
          type="button"
          aria-label="Close the list"
          className="fixed inset-0 z-10 bg-black/40 md:hidden"
          onClick={() => setOpen(false)}
        />
      )}
      <aside
        className={`fixed inset-y-0 left-0 z-20 flex w-72 shrink-0 flex-col border-line border-r bg-side transition-transform md:visible md:static md:translate-x-0 ${open ? "visible translate-x-0" : "invisible -translate-x-full"}`}
      >
        <Sidebar onOpen={() => setOpen(false)} />
        <AccountMenu name={name} email={email} />
      </aside>
      <main id="conversation" className="flex min-w-0 flex-1 flex-col">
        <div className="p-2 md:hidden">
          <IconButton label="Show the conversations" onClick={() => setOpen(true)}>
            <PanelLeft size={20} />
          </IconButton>
        </div>
        <div className="min-h-0 flex-1">
          <Outlet />
        </div>
      </main>
    </div>
  );
}

function NewConversation() {
  const [id] = useState(() => uuid());
  return <ConversationView key={id} personId={usePersonId()} id={id} isNew />;
}

function OpenConversation() {
  const { conversationId } = useParams({ from: "/c/$conversationId" });
  return <ConversationView key={conversationId} personId={usePersonId()} id={conversationId} />;
}

const root = createRootRoute({
  component: Root,
  notFoundComponent: () => <p className="p-8 text-quiet">There is nothing at this address.</p>,
});
const home = createRoute({ getParentRoute: () => root, path: "/", component: NewConversation });
const conversation = createRoute({
  getParentRoute: () => root,
  path: "/c/$conversationId",
  component: OpenConversation,
});

export function createAppRouter() {
  return createRouter({
    routeTree: root.addChildren([home, conversation]),
    defaultErrorComponent: ({ reset }) => (
      <Failure error={new Error("Something went wrong on this page. What was stored is safe.")} onRetry={reset} />
    ),
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
