/** JSON as a stream: the entries of a list, whole objects one after another, or the list of conversations that an object has. */
import { JSONParser } from "@streamparser/json";

/** A reader of text whose first character, but for space, is this one. */
export function jsonReader(first: string) {
  const ready: unknown[] = [];
  const isList = first === "[";
  const parser = new JSONParser({
    paths: isList ? ["$.*"] : ["$.conversations.*", "$"],
    keepStack: false,
    // Objects may follow one another; after a list nothing may.
    ...(!isList && { separator: "" }),
  });
  parser.onValue = ({ value, key, parent, stack }) => {
    if (isList) ready.push(value);
    else if (stack.length === 0) takeObject(value, ready);
    else if (Array.isArray(parent) && typeof key === "number" && !isTurn(value)) {
      ready.push(value);
      // It was given: the object that is still being read does not hold it any longer.
      parent[key] = null;
    }
  };
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      throw Object.assign(error as Error, { values: ready.splice(0) });
    }
    return ready.splice(0);
  };
  return {
    write: (text: string) => attempt(() => parser.write(text)),
    end: () =>
      attempt(() => {
        if (isList && parser.isEnded) return;
        try {
          parser.end();
        } catch {
          throw Object.assign(new Error("cut off"), { code: "CUT_OFF" });
        }
        if (isList) throw Object.assign(new Error("cut off"), { code: "CUT_OFF" });
      }),
  };
}

/** Who said what, as ShareGPT has it: a line of a conversation, and not one of several. */
function isTurn(value: unknown): boolean {
  return typeof value === "object" && value !== null && "from" in value && "value" in value;
}

function takeObject(value: unknown, ready: unknown[]): void {
  const list = (value as { conversations?: unknown } | null)?.conversations;
  const wasGiven = Array.isArray(list) && list.every((entry) => entry === null);
  if (!wasGiven) ready.push(value);
}
