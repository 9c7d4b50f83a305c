/**
 * Row-level security inside the statement: each says whose it is before it looks at any row, so that it needs no transaction of its
 * own. It fails closed: a statement whose plan read a row earlier would see nothing.
 */
import { arrayLiteral } from "../sql/sql.ts";
import type { UserId } from "./tables/tables.ts";

/** Whose rows a statement may see: those of these owners, or all, for what is the operator's own. */
export interface Wall {
  /** Stands before the names of statements, which differ by it. */
  readonly name: string;
  /** What the parameter of its gate is. */
  readonly owners: string | undefined;
  /** In the transaction of one verb: whether a statement of it has said so, which holds for those that follow. */
  said?: boolean;
}

/** The same for a transaction, or a savepoint, that begins: what is said in one that is rolled back is not said. */
export function unsaid(wall: Wall | undefined): Wall | undefined {
  return wall && { ...wall, said: false };
}

/** What the policies of `enableRowLevelSecurity` ask for: the ids as an array, or `everybody`, which is none. */
const ownersSetting = "chatkeep.owners";
const everybody = "*";
/** Run in a transaction: its statements are the operator's. */
export const asEverybody = `select set_config('${ownersSetting}', '${everybody}', true) as set`;
export const asNobody = `select set_config('${ownersSetting}', '', true) as set`;
/**
 * Whether a row is one of theirs. Asked once for each table of a statement; an array that is null is everybody's.
 * INVARIANT: where nothing was set, it is an array of nobody.
 */
export const isAllowed = `
  coalesce(user_id::text = any ((
    select case current_setting('${ownersSetting}', true)
      when '${everybody}' then null
      else coalesce(nullif(current_setting('${ownersSetting}', true), ''), '{}')::text[]
    end)::text[]), true)`;

export const operatorWall: Wall = { name: "operator ", owners: undefined };

export function ownersWall(owners: readonly UserId[]): Wall {
  return { name: "owners ", owners: arrayLiteral(owners.map(String)) };
}

/** The same statement behind its gate, whose parameter, if it has one, is the last. */
export function walledText(text: string, parameters: number, { owners }: Wall): string {
  const value = owners === undefined ? `'${everybody}'` : `$${parameters + 1}::text`;
  return afterGate(text, `set_config('${ownersSetting}', ${value}, true)`);
}

/**
 * INVARIANT: the gate is asked before any part of the statement reads a row. As a condition without columns it is a filter that
 * PostgreSQL asks once, above everything that the main part reads; what the parts of a WITH do is done when the main part asks for
 * it, and what nobody asks for after its end.
 * @see https://www.postgresql.org/docs/current/queries-with.html
 */
function afterGate(text: string, gate: string): string {
  const { head, main } = parted(text);
  const gives = /^\s*(?:select|values)\b/i.test(main) || /\breturning\b/i.test(main);
  return `${head} chatkeep_main as (${main}
) select ${gives ? "chatkeep_main.* from chatkeep_main" : "null"} where (select ${gate}) is not null`;
}

/** Its WITH, up to where another part of it may stand, and the main part. */
function parted(text: string): { head: string; main: string } {
  const [opening] = /^\s*with\s+(?:recursive\s+)?/i.exec(text) ?? [];
  if (opening === undefined) return { head: "with", main: text };
  let depth = 0;
  for (let at = opening.length; at < text.length; at += 1) {
    const char = text[at] as string;
    if (char === "'" || char === '"') at = text.indexOf(char, at + 1);
    else if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    if (char !== ")" || depth > 0) continue;
    const rest = text.slice(at + 1);
    // A list of columns, or another part.
    if (/^\s*(?:,|as\b)/i.test(rest)) continue;
    return { head: `${text.slice(0, at + 1)},`, main: rest };
  }
  return { head: "with", main: text };
}
