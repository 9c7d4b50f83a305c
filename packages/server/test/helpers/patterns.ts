/** Every pattern of the project's sources, and texts made of what each of them is made of, on which a bad one would take for ever. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type AST, RegExpParser } from "@eslint-community/regexpp";
import { parseSync } from "oxc-parser";
import { z } from "zod";

export interface Pattern {
  /** From `packages/` on. */
  file: string;
  source: string;
  flags: string;
}

/** Repeated between its ends, to whatever length. */
export interface Attack {
  before: string;
  piece: string;
  after: string;
}

const packages = fileURLToPath(new URL("../../../", import.meta.url));

/** Literals, and what `new RegExp` is given as text; of the schemas those of zod that ours are made with. */
export function patternsOfProject(): Pattern[] {
  const files = readdirSync(packages).flatMap((name) =>
    readdirSync(`${packages}${name}/src`, { recursive: true, encoding: "utf8" }).map((file) => `${name}/src/${file}`),
  );
  const own = files.filter((file) => /\.tsx?$/.test(file) && !file.includes(".generated.")).flatMap(patternsIn);
  const ofZod = [z.uuid(), z.iso.datetime()].map((schema) => {
    const { pattern } = schema._zod.def as { pattern?: RegExp };
    return { file: "zod", source: pattern?.source ?? "", flags: pattern?.flags ?? "" };
  });
  return [...own, ...ofZod];
}

function patternsIn(file: string): Pattern[] {
  const { program, errors } = parseSync(file, readFileSync(`${packages}${file}`, "utf8"));
  if (errors.length > 0) throw new Error(`${file} cannot be parsed`);
  const found: Pattern[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const {
      type,
      regex,
      callee,
      arguments: given,
    } = node as {
      type?: string;
      regex?: { pattern: string; flags: string };
      callee?: { name?: string };
      arguments?: { type: string; value?: unknown }[];
    };
    if (type === "Literal" && regex) found.push({ file, source: regex.pattern, flags: regex.flags });
    if (/^(New|Call)Expression$/.test(type ?? "") && callee?.name === "RegExp") {
      const [source, flags] = given ?? [];
      if (typeof source?.value === "string")
        found.push({ file, source: source.value, flags: String(flags?.value ?? "") });
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(program);
  return found;
}

/** Each thing that may be repeated, alone and after what leads to it, and the whole, with ends that no pattern wants. */
export function attacksOn({ source, flags }: Pattern): Attack[] {
  const { alternatives } = new RegExpParser().parseLiteral(`/${source}/${flags}`).pattern;
  const attacks: Attack[] = [];
  const add = (before: string, piece: string) => {
    for (const after of ["", "\0", "\n!", "x"]) if (piece !== "") attacks.push({ before, piece, after });
  };
  for (const alternative of alternatives) {
    for (const whole of samplesOf(alternative)) {
      add("", whole);
      for (let length = 1; length < whole.length; length += 1) {
        add("", whole.slice(0, length));
        if (length > whole.length - 4) add(whole.slice(0, length), whole.slice(length));
      }
    }
    for (const [before, pieces] of repeatable(alternative, "")) {
      for (const piece of pieces) {
        add(before, piece);
        add("", `${before}${piece}`);
      }
      add(before, pieces.join(""));
    }
  }
  const known = new Set<string>();
  return attacks.filter((attack) => {
    const key = JSON.stringify(attack);
    return !known.has(key) && known.add(key);
  });
}

/** What has no end, with what comes before it. */
function repeatable({ elements }: AST.Alternative, lead: string): [before: string, pieces: string[]][] {
  const found: [string, string[]][] = [];
  let before = lead;
  for (const element of elements) {
    if (element.type === "Quantifier") {
      if (element.max > 20) found.push([before, samplesOf(element.element)]);
      if (isGroup(element.element))
        for (const each of element.element.alternatives) found.push(...repeatable(each, before));
    } else if (isGroup(element)) {
      for (const each of element.alternatives) found.push(...repeatable(each, before));
    }
    before += samplesOf(element)[0] ?? "";
  }
  return found;
}

function isGroup(node: AST.Node): node is AST.Group | AST.CapturingGroup {
  return node.type === "Group" || node.type === "CapturingGroup";
}

const most = 6;

/** Some texts that it matches. */
function samplesOf(node: AST.Node): string[] {
  switch (node.type) {
    case "Character":
      return [String.fromCodePoint(node.value)];
    case "CharacterSet":
      return charactersOf(node);
    case "CharacterClass":
      return node.negate ? ["a", " ", "1", "!"] : [...new Set(node.elements.flatMap(inClass))].slice(0, most);
    case "Group":
    case "CapturingGroup":
      return node.alternatives.flatMap(samplesOf).slice(0, most);
    case "Alternative":
      return node.elements.reduce<string[]>(
        (texts, element) =>
          samplesOf(element)
            .slice(0, 3)
            .flatMap((sample) => texts.map((text) => text + sample))
            .slice(0, most),
        [""],
      );
    case "Quantifier":
      return samplesOf(node.element).map((sample) => sample.repeat(Math.max(1, Math.min(node.min, 40))));
    default:
      return [""];
  }
}

function inClass(element: AST.Node): string[] {
  if (element.type === "CharacterClassRange") return [String.fromCodePoint(element.min.value)];
  return samplesOf(element);
}

function charactersOf({ kind, ...set }: AST.CharacterSet): string[] {
  const negate = "negate" in set && set.negate;
  if (kind === "space") return negate ? ["a", "."] : [" ", "\n"];
  if (kind === "digit") return negate ? ["a"] : ["1"];
  if (kind === "word") return negate ? [" ", "-"] : ["a", "1"];
  return kind === "any" ? ["a", " "] : ["a", "\u00e9", " "];
}
