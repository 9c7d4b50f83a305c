/** The files of a question above where it is written: pictures small, others by name, each with how far it is. */
import { FileText, RotateCw, X } from "lucide-react";
import { t } from "../strings/index.ts";
import { bytesInWords } from "../ui/bytes.ts";
import type { Attachment, Attachments } from "./attachments.ts";

/** What every model reads; of what none of these lists names it is told the name. */
const words = /^(text\/.*|application\/(json|xml|javascript|yaml)|.*\+(json|xml))$/;
/** What models read that take files. */
const others = /^(image\/(png|jpeg|gif|webp)|audio\/(mpeg|mp3|wav)|video\/.*|application\/pdf)$/;

interface AttachmentListProps extends Pick<Attachments, "items" | "retry" | "remove"> {
  /** Whether the model that is to answer does. */
  takesFiles: boolean;
}

export function AttachmentList({ items, retry, remove, takesFiles }: AttachmentListProps) {
  if (items.length === 0) return null;
  const isRead = (mediaType: string) => words.test(mediaType) || (takesFiles && others.test(mediaType));
  return (
    <ul aria-label={t.files.label} className="flex max-h-40 flex-wrap gap-2 overflow-y-auto px-2 pt-1 pb-2">
      {items.map((item) => (
        <Item
          key={item.key}
          item={item}
          isOnlyNamed={item.part !== undefined && !isRead(item.mediaType)}
          onRetry={() => retry(item.key)}
          onRemove={() => remove(item.key)}
        />
      ))}
    </ul>
  );
}

interface ItemProps {
  item: Attachment;
  isOnlyNamed: boolean;
  onRetry: () => void;
  onRemove: () => void;
}

function Item({ item, isOnlyNamed, onRetry, onRemove }: ItemProps) {
  const { name, size, preview, progress, error, canRetry } = item;
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
            {isOnlyNamed && ` · ${t.files.onlyNamed}`}
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
