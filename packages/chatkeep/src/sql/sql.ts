/** SQL in pieces: a text with named parameters, which are numbered when it is made ready. */
import type { Value } from "./connection.ts";

/** A piece of SQL. Only these go into another: a value can never become text. */
export interface Sql {
  readonly pieces: readonly (string | Parameter)[];
}

interface Parameter {
  name: string;
  /** What stands after its number, such as `::uuid`. */
  cast: string;
}

/** Text as it is, for names and numbers of our own. */
export function raw(text: string): Sql {
  return { pieces: [text] };
}

export function sql(strings: TemplateStringsArray, ...inner: readonly Sql[]): Sql {
  return { pieces: strings.flatMap((text, index) => [text, ...(inner[index]?.pieces ?? [])]) };
}

export function join(parts: readonly Sql[], separator = ", "): Sql {
  return { pieces: parts.flatMap((part, index) => (index === 0 ? part.pieces : [separator, ...part.pieces])) };
}

/** A parameter. The same name is the same parameter. */
export function param(name: string, type: string): Sql {
  // A driver that knows the type would write the text as JSON once more.
  const cast = type === "json" ? "::text::json" : `::${type}`;
  return { pieces: [{ name, cast }] };
}

/** A list, which goes as one text. In a query of its own, so that plans do not depend on its length. */
export function list(name: string, type: string): Sql {
  return { pieces: ["(select ", { name, cast: `::text::${type}[]` }, ")"] };
}

export interface Statement {
  text: string;
  /** How many it has. */
  parameters: number;
  /** The values of its parameters, in their order. */
  valuesOf(given: Values): Value[];
}

export type Values = Record<string, unknown> | readonly unknown[];

/** Numbers the parameters. */
export function statementOf({ pieces }: Sql): Statement {
  const names: string[] = [];
  const text = pieces
    .map((piece) => {
      if (typeof piece === "string") return piece;
      if (!names.includes(piece.name)) names.push(piece.name);
      return `$${names.indexOf(piece.name) + 1}${piece.cast}`;
    })
    .join("");
  const places = names.map(Number);
  return {
    text,
    parameters: names.length,
    valuesOf: (given) =>
      isList(given) ? places.map((place) => asValue(given[place])) : names.map((name) => asValue(given[name])),
  };
}

/** Where names are places. */
function isList(given: Values): given is readonly unknown[] {
  return Array.isArray(given);
}

function asValue(given: unknown): Value {
  if (given === undefined) return null;
  return Array.isArray(given) ? arrayLiteral(given) : (given as Value);
}

/** @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
export function arrayLiteral(elements: readonly unknown[]): string {
  let literal = "{";
  for (const [index, element] of elements.entries()) {
    if (index > 0) literal += ",";
    if (element === null || element === undefined) literal += "NULL";
    else if (typeof element === "string") literal += quoted(element);
    else literal += String(element);
  }
  return `${literal}}`;
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;
}

/** A name as SQL has it. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as a literal, for scripts that people run; statements have parameters. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
