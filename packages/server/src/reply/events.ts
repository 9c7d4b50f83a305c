/** A reply's events: the chunks of the AI SDK's UI message stream, as JSON, and how they lie in the rows of `run_chunk`. */
import { readUIMessageStream, type UIMessage, type UIMessageChunk } from "ai";
import type { ChunkRow, Part } from "chatkeep";

/** Texts that come in pieces: which key names the text, and which holds the piece. */
const pieces: Record<string, { of: string; piece: string }> = {
  "text-delta": { of: "id", piece: "delta" },
  "reasoning-delta": { of: "id", piece: "delta" },
  "tool-input-delta": { of: "toolCallId", piece: "inputTextDelta" },
};

type AnyChunk = Record<string, unknown> & { type: string };

/** The same stream with pieces of one text that follow each other put together: what comes at one moment is one event. */
export function joined(chunks: readonly UIMessageChunk[]): UIMessageChunk[] {
  const result: AnyChunk[] = [];
  for (const chunk of chunks as unknown as AnyChunk[]) {
    const last = result.at(-1);
    const kind = pieces[chunk.type];
    if (last && kind && isPieceOf(last, chunk, kind)) {
      result[result.length - 1] = { ...last, [kind.piece]: `${last[kind.piece]}${chunk[kind.piece]}` };
    } else {
      result.push(chunk);
    }
  }
  return result as unknown as UIMessageChunk[];
}

/** A row of events that are numbered from `first` on: its `seq` is the number of its last one. */
export function toRow(first: number, events: readonly string[]): ChunkRow {
  return { seq: first + events.length - 1, chunk: events.join("\n") };
}

/** JSON has no line breaks of its own. */
export function eventsIn({ chunk }: Pick<ChunkRow, "chunk">): string[] {
  return chunk.split("\n");
}

/** The parts of a reply from all that was streamed of it, also by a server that died: as much as can be read. */
export async function partsOf(chunks: readonly string[]): Promise<Part[]> {
  let last: UIMessage | undefined;
  try {
    const events = chunks.flatMap((chunk) => eventsIn({ chunk })).map((event) => JSON.parse(event) as UIMessageChunk);
    const stream = ReadableStream.from(joined(events)) as ReadableStream<UIMessageChunk>;
    for await (const message of readUIMessageStream({ stream })) last = message;
  } catch {
    // A reply that cannot be read must not keep its conversation busy for ever.
  }
  return settled(last?.parts ?? []);
}

/** Parts as they stay: what was being written when it ended is written now. */
function settled(parts: UIMessage["parts"]): Part[] {
  return parts.map(
    (part) => ("state" in part && part.state === "streaming" ? { ...part, state: "done" } : part) as Part,
  );
}

function isPieceOf(last: AnyChunk, next: AnyChunk, { of, piece }: { of: string; piece: string }): boolean {
  const isPlain = (chunk: AnyChunk) => Object.keys(chunk).every((key) => key === "type" || key === of || key === piece);
  return last.type === next.type && last[of] === next[of] && isPlain(last) && isPlain(next);
}
