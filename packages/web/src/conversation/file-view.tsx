/** A file of a message: a picture that opens large, something to hear, or a name to open and to save. */
import { Dialog } from "@base-ui/react/dialog";
import type { FileUIPart } from "ai";
import { Download, FileText, X } from "lucide-react";
import { useState } from "react";
import { t } from "../strings/index.ts";
import { bytesInWords } from "../ui/bytes.ts";
import { isPicture, sizeOf } from "../ui/files.ts";
import { IconButton } from "../ui/icon-button.tsx";

const openable = new Set(["https:", "http:", "data:", "blob:"]);
const ours = "/api/files/";

export function protocolOf(url: string): string {
  return URL.parse(url, location.href)?.protocol ?? "";
}

export function FileView({ part }: { part: FileUIPart }) {
  const { url, mediaType, filename } = part;
  const [failure, setFailure] = useState<"gone" | "undrawable">();
  const name = filename ?? t.chat.file;
  if (failure === "gone") return <p className="text-quiet text-sm">📎 {t.files.gone(name)}</p>;
  if (!openable.has(protocolOf(url))) return <p className="text-quiet text-sm">📎 {name}</p>;
  if (isPicture(mediaType) && !failure) {
    const onError = () => void isThere(url).then((there) => setFailure(there ? "undrawable" : "gone"));
    return <Picture url={url} name={filename ?? t.chat.picture} onError={onError} />;
  }
  // biome-ignore lint/a11y/useMediaCaption: what a model says has no captions
  if (mediaType.startsWith("audio/")) return <audio controls src={url} aria-label={name} className="max-w-full" />;
  return <Named part={part} name={name} />;
}

/** A picture that cannot be drawn may be one that was removed. */
async function isThere(url: string): Promise<boolean> {
  if (!url.startsWith(ours)) return true;
  const answer = await fetch(url, { method: "HEAD" }).catch(() => undefined);
  return answer?.status !== 404;
}

function Picture({ url, name, onError }: { url: string; name: string; onError: () => void }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Dialog.Root open={isOpen} onOpenChange={setIsOpen}>
      <Dialog.Trigger aria-label={t.files.enlarge(name)} className="block max-w-full rounded-xl">
        <img src={url} alt={name} onError={onError} className="max-h-60 max-w-full rounded-xl object-contain" />
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-30 bg-black/80" />
        <Dialog.Popup className="fixed inset-0 z-40 flex flex-col items-center justify-center gap-2 p-4">
          <Dialog.Title className="sr-only">{name}</Dialog.Title>
          <img src={url} alt={name} className="min-h-0 max-w-full rounded-lg object-contain" />
          <div className="flex gap-2 rounded-xl bg-raised p-1">
            <a
              href={url.startsWith(ours) ? `${url}?download=true` : url}
              download={name}
              aria-label={t.files.save(name)}
              title={t.files.save(name)}
              className="inline-flex size-9 items-center justify-center rounded-lg text-quiet hover:bg-line/60 hover:text-ink"
            >
              <Download size={18} aria-hidden="true" />
            </a>
            <Dialog.Close render={<IconButton label={t.close} />}>
              <X size={18} />
            </Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Named({ part, name }: { part: FileUIPart; name: string }) {
  const { url } = part;
  const size = sizeOf(part);
  const isOurs = url.startsWith(ours);
  return (
    <div className="flex max-w-full items-center">
      <a
        href={url}
        {...(!isOurs && { download: name })}
        target="_blank"
        rel="noreferrer"
        className="inline-flex min-w-0 items-center gap-2 rounded-lg border border-line bg-raised px-3 py-1.5 text-sm hover:bg-side"
      >
        {isOurs ? (
          <FileText size={15} aria-hidden="true" className="shrink-0" />
        ) : (
          <Download size={15} aria-hidden="true" className="shrink-0" />
        )}
        <span dir="auto" className="truncate">
          {name}
        </span>
        {size !== undefined && <span className="shrink-0 text-quiet text-xs">{bytesInWords(size)}</span>}
      </a>
      {isOurs && (
        <a
          href={`${url}?download=true`}
          download={name}
          aria-label={t.files.save(name)}
          title={t.files.save(name)}
          className="inline-flex size-9 shrink-0 items-center justify-center rounded-lg text-quiet hover:text-ink print:hidden"
        >
          <Download size={16} aria-hidden="true" />
        </a>
      )}
    </div>
  );
}
