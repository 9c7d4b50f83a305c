/** Starts the app in the page. */
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { ApiError } from "chatkeep/client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createAppRouter } from "./app.tsx";
import { startWorker } from "./offline/worker.ts";
import { language } from "./strings/index.ts";
import { lendClipboard } from "./ui/clipboard.ts";
import { showTheme } from "./ui/theme.ts";
import "./styles/app.css";

/** Who was signed in is so no more: asking again shows the sign-in page. */
function onError(error: Error): void {
  if (error instanceof ApiError && error.code === "unauthenticated")
    void queries.invalidateQueries({ queryKey: ["person"] });
}

const retriable = new Set(["unavailable", "internal", "rate_limited"]);

const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      // Without a network what is kept is read.
      networkMode: "always",
      refetchOnReconnect: true,
      staleTime: 5_000,
      retry: (count, error) => count < 2 && error instanceof ApiError && retriable.has(error.code),
    },
  },
});

document.documentElement.lang = language;
showTheme();
lendClipboard();

const router = createAppRouter();
startWorker((path) => void router.navigate({ to: path }));

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
