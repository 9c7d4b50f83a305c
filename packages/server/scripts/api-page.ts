/** `npm run docs:api`: writes docs/api.md, every name that can be imported, with its signature and what its docstring says. */
import { writeFileSync } from "node:fs";
import { type Symbol as Declared, type Project, SymbolFlags, type Type } from "typescript/unstable/sync";
import { type Declarations, kindOf, openDeclarations, type Subpath } from "./declarations.ts";

const page = new URL("../../../docs/api.md", import.meta.url);

const introduction = `# API

Every name that can be imported, with its signature, and what its docstring says: what an editor shows on hover. Made from the
declarations by \`npm run docs:api\`; a test compares. How things go together: [the guide](guide/README.md).
`;

/** Do not shorten; and write out what an alias stands for. */
const format = { whole: 1, alias: 1 | 8_388_608 };
const order = ["function", "class", "value", "type"];
const maxChars = { signature: 400, value: 160 };

export function apiPage({ packages, subpathsOf }: Declarations): string {
  const subpaths = packages.flatMap(subpathsOf);
  const contents = subpaths.map(({ name }) => `[${name}](#${name.toLowerCase().replace(/[^\w-]/g, "")})`).join(" · ");
  const told = new Map<Declared["id"], string>();
  return [introduction, `${contents}\n`, ...subpaths.map((subpath) => sectionOf(subpath, told))].join("\n");
}

/** Those that say nothing of themselves. */
export function silentNames({ packages, subpathsOf }: Declarations): string[] {
  return packages.flatMap(subpathsOf).flatMap(({ name, project, exports }) => {
    return exports.filter(([, symbol]) => !saidOf(symbol, project)).map(([exported]) => `${exported} of ${name}`);
  });
}

function sectionOf({ name, project, exports }: Subpath, told: Map<Declared["id"], string>): string {
  const sorted = exports.toSorted(([one, first], [other, second]) => {
    return order.indexOf(kindOf(first)) - order.indexOf(kindOf(second)) || (one < other ? -1 : 1);
  });
  const entries = sorted.map(([exported, symbol]) => {
    const before = told.get(symbol.id);
    told.set(symbol.id, before ?? name);
    return before ? `### ${exported}\n\nThat of \`${before}\`.\n` : entryOf(exported, symbol, project);
  });
  return [`## ${name}\n`, ...entries].join("\n");
}

function entryOf(name: string, symbol: Declared, project: Project): string {
  const { signature, members } = shapeOf(name, symbol, project);
  const lines = [`### ${name}`, "", "```ts", signature, "```", "", saidOf(symbol, project), ""];
  return [...lines, ...(members.length > 0 ? [...members, ""] : [])].join("\n");
}

interface Shape {
  signature: string;
  /** Of a type, and of a value that is a group of things: a line each. */
  members: string[];
}

function shapeOf(name: string, symbol: Declared, project: Project): Shape {
  const { checker } = project;
  const kind = kindOf(symbol);
  if (kind === "type") {
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const parameters = parametersOf(parametersIn(type, name), project);
    if (symbol.flags & SymbolFlags.Interface) {
      return { signature: `interface ${name}${parameters}`, members: membersOf(type, project, 0) };
    }
    const text = checker.typeToString(type, undefined, format.alias);
    return { signature: `type ${name}${parameters} = ${shortened(text, maxChars.signature)}`, members: [] };
  }
  const type = checker.getTypeOfSymbol(symbol);
  const text = type ? checker.typeToString(type, undefined, format.whole) : "unknown";
  if (kind === "class") {
    const instance = checker.getDeclaredTypeOfSymbol(symbol);
    const [base] = instance.getBaseTypes() ?? [];
    const parent = base ? ` extends ${checker.typeToString(base)}` : "";
    // What it inherits from one of ours is told there.
    const members = base && checker.typeToString(base) !== "Error" ? [] : membersOf(instance, project, 0);
    return { signature: `class ${name}${parent}`, members };
  }
  if (kind === "function") {
    const named = text.replace(/\{ [\w, :]* \}(\??): (?=[A-Z])/g, "options$1: ");
    return { signature: `function ${name}${asDeclared(named)}`, members: [] };
  }
  const isGroup = type !== undefined && /^\{ readonly \w+: /.test(text) && !text.includes("=>");
  return {
    signature: `const ${name}: ${shortened(text, isGroup ? maxChars.value : maxChars.signature)}`,
    members: isGroup ? membersOf(type, project, 0) : [],
  };
}

function parametersIn(type: Type, name: string): readonly Type[] {
  if (type.isClassOrInterface()) return type.getTypeParameters();
  return type.getAliasSymbol()?.name === name ? type.getAliasTypeArguments() : [];
}

function parametersOf(types: readonly Type[], { checker }: Project): string {
  return types.length > 0 ? `<${types.map((type) => checker.typeToString(type)).join(", ")}>` : "";
}

/** What its owner has declared, and not what JavaScript gives to each. */
function membersOf(type: Type, project: Project, depth: number): string[] {
  const { checker } = project;
  return checker.getPropertiesOfType(type).flatMap((member) => {
    if (!isOurs(member)) return [];
    const own = checker.getTypeOfSymbol(member);
    const isOptional = Boolean(member.flags & SymbolFlags.Optional);
    const text = own ? checker.typeToString(own, undefined, format.whole) : "unknown";
    const isGroup = depth === 0 && own !== undefined && /^\{ \w+: \(/.test(text);
    const signature = isGroup ? member.name : signatureOf(member.name, text, isOptional);
    const said = saidOf(member, project);
    const line = `${"  ".repeat(depth)}- ${asCode(signature)}${said && ` – ${said}`}`;
    return [line, ...(isGroup ? membersOf(own, project, depth + 1) : [])];
  });
}

function signatureOf(name: string, text: string, isOptional: boolean): string {
  const plain = isOptional ? text.replace(/ \| undefined$/, "").replace(/^\((.*)\)$/, "$1") : text;
  const key = `${/^[\w$]+$/.test(name) ? name : JSON.stringify(name)}${isOptional ? "?" : ""}`;
  const isMethod = /^(<[^(]*>)?\(/.test(plain) && plain.includes(" => ");
  return shortened(isMethod && !isOptional ? `${key}${asDeclared(plain)}` : `${key}: ${plain}`, maxChars.signature);
}

function isOurs(member: Declared): boolean {
  const paths = member.declarations.map(({ path }) => String(path));
  return (
    !member.name.startsWith("__@") &&
    paths.every((path) => !path.includes("node_modules") && !path.includes("bundled:"))
  );
}

/** `(a: A) => B` as `(a: A): B`: the arrow after the parenthesis that closes the first one. */
function asDeclared(text: string): string {
  let depth = 0;
  for (let index = text.indexOf("("); index < text.length; index += 1) {
    if (text[index] === "(") depth += 1;
    if (text[index] === ")") depth -= 1;
    if (depth === 0)
      return shortened(
        `${text.slice(0, index + 1)}${text.slice(index + 1).replace(/^ => /, ": ")}`,
        maxChars.signature,
      );
  }
  return text;
}

function shortened(text: string, chars: number): string {
  if (/^Zod\w+</.test(text)) return text.replace(/<.*$/s, "<…>");
  const plain = text.replace(/(\?: [^,;()]*) \| undefined(?=[,;)])/g, "$1");
  return plain.length <= chars ? plain : `${plain.slice(0, chars)} …`;
}

function asCode(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** Its docstring in one paragraph, with what it throws. */
function saidOf(symbol: Declared, { checker }: Project): string {
  const tags = symbol.getJsDocTags(checker);
  const throws = tags.filter(({ name }) => name === "throws").map(({ text }) => `Throws ${textOf(text)}.`);
  return [symbol.getDocumentationComment(checker), ...throws].join(" ").replace(/\s+/g, " ").trim();
}

function textOf(text: unknown): string {
  return typeof text === "string" ? text.trim().replace(/\.$/, "") : "";
}

if (process.argv[1] === import.meta.filename) {
  using declarations = openDeclarations();
  writeFileSync(page, apiPage(declarations));
}
