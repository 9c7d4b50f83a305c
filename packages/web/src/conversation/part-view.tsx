/** One part of a message: words, thoughts, what a tool did, a picture or another file; and where the words come from. */
import { isToolUIPart, type UIMessage } from "ai";
import { lazy, Suspense } from "react";
import { t } from "../strings/index.ts";
import { FileView, protocolOf } from "./file-view.tsx";
import { passagesOf } from "./thoughts.ts";
import { ToolCall } from "./tool-call.tsx";

const loadMarkdown = () => import("./markdown.tsx").then((module) => ({ default: module.Markdown }));
const Markdown = lazy(loadMarkdown);

/** Until messages have about the height that they will keep: before it, the first of them all stand at the top. */
export async function messagesLaidOut(): Promise<void> {
  await loadMarkdown();
  for (let frames = 0; frames < 2; frames += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}

type Part = UIMessage["parts"][number];

interface PartViewProps {
  part: Part;
  isUser: boolean;
  isStreaming: boolean;
}

export function PartView({ part, isUser, isStreaming }: PartViewProps) {
  if (part.type === "text" && isUser) return <Plain text={part.text} />;
  if (part.type === "text") {
    return passagesOf(part.text, isStreaming).map(({ type, text, isOpen }, index) =>
      type === "reasoning" ? (
        // biome-ignore lint/suspicious/noArrayIndexKey: passages only grow at their end
        <Thoughts key={index} text={text} isOpen={isStreaming && isOpen} />
      ) : (
        // biome-ignore lint/suspicious/noArrayIndexKey: passages only grow at their end
        <Suspense key={index} fallback={<Plain text={text} />}>
          <Markdown text={text} isStreaming={isStreaming} />
        </Suspense>
      ),
    );
  }
  if (part.type === "reasoning" && part.text)
    return <Thoughts text={part.text} isOpen={isStreaming && part.state === "streaming"} />;
  if (part.type === "file") return <FileView part={part} />;
  if (isToolUIPart(part)) return <ToolCall part={part} isOver={!isStreaming} />;
  return null;
}

/** Each line runs its own way. */
function Plain({ text }: { text: string }) {
  return (
    <p dir="auto" className="whitespace-pre-wrap wrap-anywhere [unicode-bidi:plaintext]">
      {text}
    </p>
  );
}

function Thoughts({ text, isOpen }: { text: string; isOpen: boolean }) {
  return (
    <details className="text-quiet text-sm" open={isOpen}>
      <summary className="cursor-pointer">{t.chat.thoughts}</summary>
      <div dir="auto" className="mt-2 border-line border-s-2 ps-3">
        <Plain text={text} />
      </div>
    </details>
  );
}

interface Source {
  id: string;
  name: string;
  url?: string;
}

/** Each once, however often it was used. */
function sourcesIn(parts: readonly Part[]): Source[] {
  const sources = parts.flatMap((part): Source[] => {
    if (part.type === "source-url") return [{ id: part.url, name: part.title || part.url, url: part.url }];
    if (part.type !== "source-document") return [];
    const name = part.title || part.filename || t.chat.file;
    return [{ id: `${part.sourceId} ${name}`, name }];
  });
  return [...new Map(sources.map((source) => [source.id, source])).values()];
}

export function Sources({ parts }: { parts: readonly Part[] }) {
  const sources = sourcesIn(parts);
  if (sources.length === 0) return null;
  return (
    <section aria-label={t.chat.sources} className="text-sm">
      <p className="text-quiet text-xs">{t.chat.sources}</p>
      <ol className="mt-1 list-decimal ps-6">
        {sources.map(({ id, name, url }) => (
          <li key={id} dir="auto" className="wrap-anywhere">
            {url && ["https:", "http:"].includes(protocolOf(url)) ? (
              <a href={url} target="_blank" rel="noreferrer" className="text-brand underline underline-offset-2">
                {name}
              </a>
            ) : (
              name
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
