/** The files of a question that is being written: sent to the server as soon as they are chosen, and named by the question then. */
import type { FileUIPart } from "ai";
import type { StoredFile } from "chatkeep/client";
import { useCallback, useEffect, useRef, useState } from "react";
import { v4 as uuid } from "uuid";
import { client } from "../client.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { isPicture, sizeOf } from "../ui/files.ts";
import { readFiles, whenAsked, writeFiles } from "./drafts.ts";

/** As the server has them. */
const maxBytes = 32 * 1024 * 1024;
const maxNameLetters = 255;
/** Of one question. */
const maxFiles = 20;
const atOnce = 3;

export interface Attachment {
  key: string;
  name: string;
  size: number;
  mediaType: string;
  /** Of a picture. */
  preview: string | undefined;
  /** From 0 to 1; `undefined` when nothing is under way. */
  progress: number | undefined;
  /** Why it was not sent. */
  error: string | undefined;
  /** Whether it makes sense to send it again. */
  canRetry: boolean;
  part: FileUIPart | undefined;
}

export interface Attachments {
  items: readonly Attachment[];
  isSending: boolean;
  hasFailed: boolean;
  add(files: readonly File[]): void;
  retry(key: string): void;
  /** Ends its upload, or takes it back. */
  remove(key: string): void;
  /** They are in a question now. */
  clear(): void;
  /** Those of a question that did not arrive, beside what is here. */
  putBack(parts: readonly FileUIPart[]): void;
  /** Those of a question that did arrive. */
  takeOut(parts: readonly FileUIPart[]): void;
}

export function useAttachments(personId: string, draftOf: string): Attachments {
  const [items, setItems] = useState<Attachment[]>(() => readFiles(personId, draftOf).map(asKept));
  const uploads = useRef(new Map<string, { file: File; controller: AbortController }>());
  const waiting = useRef<string[]>([]);
  const underWay = useRef(0);

  const change = useCallback((key: string, changes: Partial<Attachment>) => {
    setItems((items) => items.map((item) => (item.key === key ? { ...item, ...changes } : item)));
  }, []);

  const next = useCallback(() => {
    while (underWay.current < atOnce) {
      const key = waiting.current.shift();
      if (key === undefined) return;
      const upload = uploads.current.get(key);
      if (!upload) continue;
      const { file, controller } = upload;
      underWay.current += 1;
      const onProgress = (bytes: number) => change(key, { progress: Math.min(bytes / file.size, 1) });
      client.files
        .send(file, { onProgress, signal: controller.signal })
        .then(
          (stored) => change(key, sentAs(partOf(stored))),
          (error: Error) => change(key, { progress: undefined, error: sentenceOf(error), canRetry: true }),
        )
        .finally(() => {
          underWay.current -= 1;
          next();
        });
    }
  }, [change]);

  const start = useCallback(
    (key: string, file: File) => {
      uploads.current.set(key, { file, controller: new AbortController() });
      waiting.current.push(key);
      next();
    },
    [next],
  );

  const add = (files: readonly File[]) => {
    const added = files.map((file, index): [Attachment, File] => {
      const error = items.length + index < maxFiles ? faultOf(file) : t.files.tooMany(maxFiles);
      const attachment = {
        key: uuid(),
        name: file.name,
        size: file.size,
        mediaType: file.type,
        preview: isPicture(file.type) && !error ? URL.createObjectURL(file) : undefined,
        progress: error ? undefined : 0,
        error,
        canRetry: false,
        part: undefined,
      };
      return [attachment, file];
    });
    setItems((items) => [...items, ...added.map(([attachment]) => attachment)]);
    for (const [{ key, error }, file] of added) if (!error) start(key, file);
  };

  const retry = (key: string) => {
    const file = uploads.current.get(key)?.file;
    if (!file) return;
    change(key, { progress: 0, error: undefined, canRetry: false });
    start(key, file);
  };

  const remove = (key: string) => {
    const item = items.find((each) => each.key === key);
    uploads.current.get(key)?.controller.abort();
    uploads.current.delete(key);
    forget(item);
    // What cannot be removed now goes by itself within a day.
    if (item?.part) void client.files.remove(idOf(item.part)).catch(() => {});
    setItems((items) => items.filter((each) => each.key !== key));
  };

  const clear = useCallback(() => {
    for (const { controller } of uploads.current.values()) controller.abort();
    uploads.current.clear();
    setItems((items) => {
      for (const item of items) forget(item);
      return [];
    });
  }, []);
  const putBack = useCallback((parts: readonly FileUIPart[]) => {
    setItems((items) => {
      const known = new Set(items.map(({ part }) => part?.url));
      return [...parts.filter(({ url }) => !known.has(url)).map(asKept), ...items];
    });
  }, []);
  const takeOut = useCallback((parts: readonly FileUIPart[]) => {
    const gone = new Set(parts.map(({ url }) => url));
    setItems((items) => items.filter(({ part }) => !(part && gone.has(part.url))));
  }, []);

  useEffect(() => writeFiles(personId, draftOf, items.flatMap(kept)), [personId, draftOf, items]);
  // Another tab has sent what stands here too.
  useEffect(() => whenAsked(personId, ({ files }) => files && takeOut(files)), [personId, takeOut]);
  useEffect(() => {
    const started = uploads.current;
    return () => {
      for (const { controller } of started.values()) controller.abort();
    };
  }, []);

  const isSending = items.some(({ progress }) => progress !== undefined);
  const hasFailed = items.some(({ error }) => error !== undefined);
  return { items, isSending, hasFailed, add, retry, remove, clear, putBack, takeOut };
}

/** What is said before anything is sent. */
function faultOf({ size, name }: File): string | undefined {
  if (size === 0) return t.files.empty;
  if (size > maxBytes) return t.files.tooLarge(maxBytes / 1024 / 1024);
  if ([...name].length > maxNameLetters) return t.files.longName(maxNameLetters);
  return undefined;
}

function partOf({ mediaType, name, url, size }: Pick<StoredFile, "mediaType" | "name" | "url" | "size">): FileUIPart {
  return { type: "file", mediaType, filename: name, url, providerMetadata: { chatkeep: { size } } };
}

/** One of a draft, or of a question that did not arrive. */
function asKept(part: FileUIPart): Attachment {
  const isLost = part.url === "";
  return {
    key: uuid(),
    size: sizeOf(part) ?? 0,
    ...sentAs(part),
    preview: isPicture(part.mediaType) && !isLost ? part.url : undefined,
    error: isLost ? t.files.lost : undefined,
    canRetry: false,
    part: isLost ? undefined : part,
  };
}

function sentAs(part: FileUIPart) {
  return { progress: undefined, part, mediaType: part.mediaType, name: part.filename ?? t.chat.file };
}

/** What a reload leaves of it: of one that has not arrived the name, so that nobody sends the question without it. */
function kept({ part, name, size, mediaType, progress, canRetry, error }: Attachment): FileUIPart[] {
  if (part) return [part];
  const isMeant = progress !== undefined || canRetry || error === t.files.lost;
  return isMeant ? [partOf({ name, size, mediaType, url: "" })] : [];
}

function idOf({ url }: FileUIPart): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

function forget(item: Attachment | undefined): void {
  if (item?.preview?.startsWith("blob:")) URL.revokeObjectURL(item.preview);
}
