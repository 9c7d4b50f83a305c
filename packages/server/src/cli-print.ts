/** What programs read, as JSON: in pieces, since a report of a large import would take its size several times over as one text. */

const pieceChars = 64 * 1024;

export function print(value: unknown): void {
  let piece = "";
  for (const part of parts(value)) {
    piece += part;
    if (piece.length < pieceChars) continue;
    process.stdout.write(piece);
    piece = "";
  }
  process.stdout.write(`${piece}\n`);
}

/** The same text as `JSON.stringify(value, null, 2)`; the items of lists in an object each by itself. */
function* parts(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return yield JSON.stringify(value, null, 2);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  if (entries.length === 0) return yield "{}";
  for (const [index, [key, each]] of entries.entries()) {
    yield `${index === 0 ? "{" : ","}\n  ${JSON.stringify(key)}: `;
    if (!Array.isArray(each) || each.length === 0) yield indented(each, "  ");
    else for (const [place, item] of each.entries()) yield `${place === 0 ? "[" : ","}\n    ${indented(item, "    ")}`;
    if (Array.isArray(each) && each.length > 0) yield "\n  ]";
  }
  yield "\n}";
}

function indented(value: unknown, by: string): string {
  return (JSON.stringify(value ?? null, null, 2) ?? "null").replaceAll("\n", `\n${by}`);
}
