/**
 * What was written and is not stored on the server yet: drafts, and questions that are on their way. It belongs to a person,
 * and survives a reload where the browser lets it.
 */

import type { FileUIPart } from "ai";
import { forgetRemembered, remember, remembered } from "../ui/remembered.ts";

/** The draft of a conversation that has not begun. */
export const newDraft = "new";

type Kind = "draft" | "asked" | "files";

export function draftKey(personId: string, conversationId: string, kind: Kind = "draft"): string {
  return `chatkeep.${kind}.${personId}.${conversationId}`;
}

function read(name: string): string {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

/** Too long a text, or a browser that keeps nothing, is no reason to fail: then it lives as long as the page. */
function write(name: string, text: string): void {
  try {
    if (text) localStorage.setItem(name, text);
    else localStorage.removeItem(name);
  } catch {}
}

function parsed(text: string): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

export function readDraft(personId: string, conversationId: string): string {
  return read(draftKey(personId, conversationId));
}

export function writeDraft(personId: string, conversationId: string, text: string): void {
  write(draftKey(personId, conversationId), text);
}

/** Those that the server has already, and those that were on their way: of these there is no address. */
export function readFiles(personId: string, conversationId: string): FileUIPart[] {
  const files = parsed(read(draftKey(personId, conversationId, "files")));
  return Array.isArray(files) ? (files as FileUIPart[]) : [];
}

export function writeFiles(personId: string, conversationId: string, files: readonly FileUIPart[]): void {
  write(draftKey(personId, conversationId, "files"), files.length > 0 ? JSON.stringify(files) : "");
}

/** A question from the moment it is sent until it is known to be stored. */
export interface Asked {
  messageId: string;
  text: string;
  files?: FileUIPart[];
  /** The chat that it begins is to be temporary. */
  isTemporary?: boolean;
  /** The project that the chat which it begins is to be in. */
  projectId?: string;
}

export function readAsked(personId: string, conversationId: string): Asked | undefined {
  return parsed(read(draftKey(personId, conversationId, "asked"))) as Asked | undefined;
}

/** Calls `listener` with what another tab asks, until the function that it gives is called. */
export function whenAsked(personId: string, listener: (asked: Asked) => void): () => void {
  const onStorage = ({ key, newValue }: StorageEvent) => {
    if (!key?.startsWith(draftKey(personId, "", "asked"))) return;
    const asked = parsed(newValue ?? "");
    if (asked) listener(asked as Asked);
  };
  addEventListener("storage", onStorage);
  return () => removeEventListener("storage", onStorage);
}

export function writeAsked(personId: string, conversationId: string, asked: Asked | undefined): void {
  write(draftKey(personId, conversationId, "asked"), asked ? JSON.stringify(asked) : "");
}

/** What was written for a conversation that is there no more is not lost: it becomes the draft of a new one. */
export function moveDraftToNew(personId: string, conversationId: string): void {
  const files = readFiles(personId, conversationId);
  if (files.length > 0) {
    writeFiles(personId, newDraft, [...readFiles(personId, newDraft), ...files]);
    writeFiles(personId, conversationId, []);
  }
  const text = readDraft(personId, conversationId);
  if (!text) return;
  writeDraft(personId, newDraft, [readDraft(personId, newDraft), text].filter(Boolean).join("\n\n"));
  writeDraft(personId, conversationId, "");
}

/** While a guest becomes somebody, a page may hear that nobody is signed in: what it asked before was answered after the guest's end. */
const betweenMs = 5_000;

/** Who began without an account may have one now, in whatever way: what was written goes along. */
export function takeDraftsAlong(person: { id: string; isAnonymous?: boolean | null } | null): void {
  const [guest, ended] = [remembered("guest"), remembered("guest.ended")];
  if (!person) {
    if (guest !== undefined && ended === undefined) remember("guest.ended", String(Date.now()));
    return;
  }
  const isGuest = ended === undefined || Date.now() - Number(ended) < betweenMs;
  if (guest !== undefined && isGuest && !person.isAnonymous) moveDrafts(guest, person.id);
  if (person.isAnonymous) remember("guest", person.id);
  else forgetRemembered("guest");
  forgetRemembered("guest.ended");
}

function moveDrafts(fromId: string, toId: string): void {
  for (const name of namesOf(fromId)) {
    const moved = name.replace(fromId, toId);
    if (!read(moved)) write(moved, read(name));
    write(name, "");
  }
}

export function hasDrafts(personId: string): boolean {
  return namesOf(personId).some((name) => read(name).trim() !== "");
}

/** Whoever signs out leaves nothing behind for the next person. */
export function forgetDrafts(personId: string): void {
  for (const name of namesOf(personId)) write(name, "");
}

function namesOf(personId: string): string[] {
  try {
    const prefixes = [draftKey(personId, ""), draftKey(personId, "", "asked"), draftKey(personId, "", "files")];
    return Object.keys(localStorage).filter((name) => prefixes.some((prefix) => name.startsWith(prefix)));
  } catch {
    return [];
  }
}
