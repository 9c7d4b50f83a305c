/** What an endpoint says when it refuses: read from whatever form its error has, without keys and addresses, and not at length. */

const longest = { read: 4_000, said: 300, run: 24 };

/** The sentence in the body of an error; empty when there is none, as in a page of a proxy. */
export function wordsIn(body: string, secrets: readonly string[] = []): string {
  return clean(messageIn(parsed(body), 4) ?? (/^\s{0,9}[<{[]/.test(body) ? "" : body), secrets);
}

/** The sentence of an error that came as an object in the stream. */
export function wordsOf(error: unknown): string {
  return clean(messageIn(error, 4) ?? "");
}

/** The same words without what they quote of these texts: those are people's. */
export function withoutQuotes(words: string, texts: readonly string[]): string {
  const isQuoted = (part: string) => texts.some((text) => text.includes(part));
  let kept = "";
  let index = 0;
  while (index < words.length) {
    let end = index + longest.run;
    if (end > words.length || !isQuoted(words.slice(index, end))) {
      kept += words[index];
      index += 1;
      continue;
    }
    while (end < words.length && isQuoted(words.slice(end - longest.run + 1, end + 1))) end += 1;
    kept += "…";
    index = end;
  }
  return kept;
}

/** Word by word: whatever looks like a key, an address or what follows the name of a secret goes. */
function clean(text: string, secrets: readonly string[] = []): string {
  let plain = text.slice(0, longest.read);
  for (const secret of secrets) if (secret !== "") plain = plain.replaceAll(secret, "…");
  let isNamed = false;
  const kept = plain.split(/[\s\p{Cc}]/u).flatMap((word) => {
    if (word === "") return [];
    const isSecret = isNamed || isSecretWord(word);
    isNamed = namesSecret(word);
    return isSecret ? "…" : word;
  });
  const said = kept.join(" ");
  return said.length > longest.said ? `${said.slice(0, longest.said)}…` : said;
}

const keyBeginnings = [
  "sk-",
  "sk_",
  "pk-",
  "pk_",
  "gsk_",
  "xai-",
  "hf_",
  "key-",
  "org-",
  "proj_",
  "req_",
  "aiza",
  "eyj",
];

function isSecretWord(word: string): boolean {
  const bare = word.toLowerCase().replace(/^["'`([{<]{1,4}/, "");
  if (keyBeginnings.some((beginning) => bare.startsWith(beginning))) return true;
  if (bare.includes("://") || bare.includes("@") || bare.includes("***")) return true;
  if (/^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/.test(bare) || bare.startsWith("localhost:")) return true;
  // Words, names of models and codes have their letters and digits in shorter runs.
  return word.split(/[^A-Za-z0-9]/).some((run) => run.length >= 20 && /\d/.test(run) && /[A-Za-z]/.test(run));
}

/** “Authorization:”, “x-api-key=…”, “token:” and the like: what comes next is the secret. */
function namesSecret(word: string): boolean {
  const end = Math.max(word.indexOf(":"), word.indexOf("="));
  const name = (end < 0 ? word : word.slice(0, end)).toLowerCase();
  const isName = ["authorization", "cookie", "secret", "password", "key", "token"].some((each) => name.endsWith(each));
  return name.endsWith("bearer") || (isName && end === word.length - 1);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** OpenAI's `error.message`, and what others make of it: `error`, `message`, `detail` with its places, or a list of such. */
function messageIn(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || depth === 0) return undefined;
  if (Array.isArray(value)) return messageIn(value[0], depth - 1);
  const { error, message, detail, errors, msg, loc } = value as Record<string, unknown>;
  if (typeof msg === "string") return Array.isArray(loc) ? `${loc.join(".")}: ${msg}` : msg;
  return [error, message, detail, errors]
    .map((each) => messageIn(each, depth - 1))
    .find((found) => found !== undefined);
}
