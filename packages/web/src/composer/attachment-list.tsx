/** The files of a question above where it is written: pictures small, others by name, each with how far it is. */
import { FileText, RotateCw, X } from "lucide-react";
import { t } from "../strings/index.ts";
import { bytesInWords } from "../ui/bytes.ts";
import type { Attachment, Attachments } from "./attachments.ts";

/** What most models are given as it is; of anything else they are told the name. */
const readable = /^(image\/(png|jpeg|gif|webp|svg\+xml)|text\/|audio\/(mpeg|wav)|application\/(pdf|json|xml|yaml))/;

export function AttachmentList({ items, retry, remove }: Attachments) {
  if (items.length === 0) return null;
  return (
    <ul aria-label={t.files.label} className="flex flex-wrap gap-2 px-2 pt-1 pb-2">
      {items.map((item) => (
        <Item key={item.key} item={item} onRetry={() => retry(item.key)} onRemove={() => remove(item.key)} />
      ))}
    </ul>
  );
}

interface ItemProps {
  item: Attachment;
  onRetry: () => void;
  onRemove: () => void;
}

function Item({ item, onRetry, onRemove }: ItemProps) {
  const { name, size, preview, progress, error, canRetry, part, mediaType } = item;
  return (
    <li
      className={`flex max-w-full items-center gap-2 rounded-xl border bg-side py-1 ps-1 pe-1 text-sm ${error ? "border-danger" : "border-line"}`}
    >
      {preview ? (
        <img src={preview} alt="" className="size-12 shrink-0 rounded-lg object-cover" />
      ) : (
        <FileText size={20} aria-hidden="true" className="mx-2 shrink-0 text-quiet" />
      )}
      <div className="min-w-0">
        <p dir="auto" className="max-w-48 truncate">
          {name}
        </p>
        {error ? (
          <p role="alert" className="max-w-64 text-danger text-xs">
            {error}
          </p>
        ) : (
          <p className="text-quiet text-xs">
            {bytesInWords(size)}
            {part && !readable.test(mediaType) && ` · ${t.files.onlyNamed}`}
          </p>
        )}
        {progress !== undefined && (
          <progress aria-label={t.files.sending(name)} value={progress} max={1} className="h-1.5 w-32 accent-brand" />
        )}
      </div>
      {canRetry && (
        <Small label={t.files.again(name)} onClick={onRetry}>
          <RotateCw size={16} />
        </Small>
      )}
      <Small label={progress === undefined ? t.files.remove(name) : t.files.cancel(name)} onClick={onRemove}>
        <X size={16} />
      </Small>
    </li>
  );
}

function Small({ label, onClick, children }: { label: string; onClick: () => void; children: React.ReactNode }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      onClick={onClick}
      className="inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-quiet hover:bg-line/60 hover:text-ink pointer-coarse:size-11"
    >
      {children}
    </button>
  );
}
