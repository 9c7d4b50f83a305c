/** What a column is: its name, its type, and how what a driver gives for it is read. From a list of them a row gets its reader, its SELECT and its parameters. */
import { join, list, param, raw, type Sql } from "./sql.ts";

export interface Column<Type> {
  readonly name: string;
  /** Of a parameter that fills it. */
  readonly type: string;
  /** Of a value that is there; where it is left out the value is as the driver gives it. */
  readonly read?: (value: unknown) => Type;
  /** Its value in a SELECT, where that is not the column itself. */
  readonly select?: (reference: string) => string;
  /** Never there: only for its type. */
  readonly as?: Type;
}

export type Columns = Readonly<Record<string, Column<unknown>>>;

/** One for each field of a row, so that none is forgotten and none has another's type. */
export type ColumnsOf<Row> = { readonly [Key in keyof Row]-?: Column<Row[Key]> };

export const text = <Type extends string | null = string>(name: string): Column<Type> => ({ name, type: "text" });
export const uuid = <Type extends string | null = string>(name: string): Column<Type> => ({ name, type: "uuid" });
export const integer = <Type extends number | null = number>(name: string, type = "int"): Column<Type> => ({
  name,
  type,
  read: Number as unknown as (value: unknown) => Type,
});
export const flag = (name: string): Column<boolean> => ({ name, type: "boolean", read: isTrue });

/** As JSON; a driver may have parsed it. */
export const json = <Type>(name: string): Column<Type> => ({
  name,
  type: "json",
  read: (value) => (typeof value === "string" ? JSON.parse(value) : value) as Type,
});

/** As JSON that may be a text by itself: selected as text, so that nobody has to guess whether a driver has parsed it. */
export const anyJson = (name: string): Column<unknown> => ({
  name,
  type: "json",
  read: (value) => JSON.parse(String(value)),
  select: (reference) => `${reference}::text`,
});

/** Selected as milliseconds, which no setting of a session and no driver writes in another way. */
export const time = <Type extends Date | null = Date>(name: string): Column<Type> => ({
  name,
  type: "timestamptz",
  read: ((value: unknown) => new Date(Math.round(Number(value)))) as (value: unknown) => Type,
  select: (reference) => `date_part('epoch', ${reference}) * 1000`,
});

export function isTrue(value: unknown): boolean {
  return value === true || value === "t" || value === "true";
}

/** The columns of a SELECT, in the order in which `reader` takes them; `from` is the name that the table has there. */
export function select(columns: Columns, from?: string): Sql {
  const all = Object.values(columns).map(({ name, select }) => {
    const reference = from ? `${from}.${name}` : name;
    return select ? `${select(reference)} as ${name}` : reference;
  });
  return raw(all.join(", "));
}

/** Their plain names, for an INSERT, or for a RETURNING that is selected from. */
export function names(columns: Columns, from?: string): Sql {
  return raw(
    Object.values(columns)
      .map(({ name }) => (from ? `${from}.${name}` : name))
      .join(", "),
  );
}

/** The same with JSON made of the text that a list has of it. */
export function values(columns: Columns, from: string): Sql {
  return raw(
    Object.values(columns)
      .map(({ name, type }) => `${from}.${name}${type === "json" ? "::json" : ""}`)
      .join(", "),
  );
}

/** Whether two rows are the same in these columns; JSON as it is written. */
export function isSame(one: string, other: string, columns: Columns): string {
  const all = Object.values(columns).map(({ name, type }) => {
    const cast = type === "json" ? "::text" : "";
    return `${one}.${name}${cast} is not distinct from ${other}.${name}${cast}`;
  });
  return all.join(" and ");
}

/** Reads a row whose columns are these, from a place in it on. */
export function reader<Row>(columns: ColumnsOf<Row>): (values: readonly unknown[], start?: number) => Row {
  const all = Object.entries<Column<unknown>>(columns);
  return (values, start = 0) => {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < all.length; index += 1) {
      const [key, { read }] = all[index] as [string, Column<unknown>];
      const value = values[start + index];
      row[key] = read && value !== null ? read(value) : value;
    }
    return row as Row;
  };
}

/** The values of rows, for the parameters of `rows`. */
export function valuesOf<Row>(columns: Partial<ColumnsOf<Row>>, all: readonly Row[]): unknown[] {
  const keys = Object.keys(columns) as (keyof Row)[];
  const values: unknown[] = [];
  for (const row of all) for (const key of keys) values.push(row[key]);
  return values;
}

/**
 * `as name(…, number)`: so many rows, each with parameters of its own, whose places begin at `start`; for a few that is cheaper
 * than lists. `made` are columns that follow from others, by the place of the row from 0.
 */
export function rows(
  columns: Columns,
  name: string,
  count: number,
  start: number,
  made: Readonly<Record<string, (index: number) => Sql>> = {},
): Sql {
  const all = Object.values(columns);
  const lines = Array.from({ length: count }, (_, index) => {
    const values = all.map(({ type }, column) => nth(start + all.length * index + column, type));
    const others = Object.values(made).map((make) => make(index));
    return join([raw("("), join([...values, ...others, raw(String(index + 1))]), raw(")")], "");
  });
  const heads = [...all.map((column) => column.name), ...Object.keys(made), "number"].join(", ");
  return join([raw("(values "), join(lines), raw(`) as ${name}(${heads})`)], "");
}

/** A parameter by its place in the list of values. */
export function nth(index: number, type: string): Sql {
  return param(String(index), type);
}

interface UnnestOptions {
  ordinality?: string;
  /** Before the keys, in a statement of lists of two kinds whose columns have the same. */
  prefix?: string;
}

/** `unnest(…) as name(…)`: rows from lists, one for each column, named by its key. */
export function unnest(columns: Columns, name: string, { ordinality, prefix = "" }: UnnestOptions = {}): Sql {
  const lists = Object.entries(columns).map(([key, { type }]) => list(prefix + key, type === "json" ? "text" : type));
  const heads = [...Object.values(columns).map((column) => column.name), ...(ordinality ? [ordinality] : [])];
  const tail = `)${ordinality ? " with ordinality" : ""} as ${name}(${heads.join(", ")})`;
  return join([raw("unnest("), join(lists), raw(tail)], "");
}

/** Those lists. */
export function listsOf<Row>(columns: ColumnsOf<Row>, all: readonly Row[], prefix = ""): Record<string, unknown[]> {
  const keys = Object.keys(columns) as (keyof Row & string)[];
  return Object.fromEntries(keys.map((key) => [prefix + key, all.map((row) => row[key])]));
}
