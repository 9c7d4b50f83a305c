/** The trees of ChatGPT's and DeepSeek's exports: nodes by their names, each with a parent and children. */
import { type Fields, fieldsOf, listOf, textOr } from "./format.ts";

/** DeepSeek's tree looks like ChatGPT's, with fragments in its messages. */
export function hasFragments(mapping: Fields): boolean {
  return Object.values(mapping).some((node) => Array.isArray(fieldsOf(fieldsOf(node)["message"])["fragments"]));
}

/** Of each node: as it says, or as another that names it as its child. */
export function parentsOf(nodes: Fields): Map<string, string> {
  const parents = new Map<string, string>();
  for (const [id, node] of Object.entries(nodes)) {
    for (const child of listOf(fieldsOf(node)["children"])) if (typeof child === "string") parents.set(child, id);
  }
  for (const [id, node] of Object.entries(nodes)) {
    const parent = textOr(fieldsOf(node)["parent"], undefined);
    if (parent) parents.set(id, parent);
  }
  return parents;
}
