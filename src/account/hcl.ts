import type { Node } from "web-tree-sitter";

/** An HCL expression as written, by attribute name. `undefined` in place of the map: the text is not HCL. */
export type HclBodies = { locals: Attributes; inputs: Attributes; hasLocals: boolean; duplicate?: string };
export type Attributes = ReadonlyMap<string, Node>;

/**
 * The top-level `locals` blocks (all of them, as Terragrunt merges none but refuses no second one that is
 * commented out) and a static `inputs = {}`. Nothing is evaluated here: see hcl-value.ts.
 * Returns `{ brokenLine }` (1-based) where the text does not parse.
 */
export async function parseHcl(text: string): Promise<HclBodies | { brokenLine: number }> {
  const { parseSyntax } = await import("./hcl-parser.ts");
  const root = await parseSyntax(text);
  if (root.hasError) return { brokenLine: firstError(root) };
  const body = root.namedChildren.find((node) => node?.type === "body");
  const locals = children(body, "block").filter(isLocals);
  const top = attributesOf(children(body, "attribute"));
  const local = attributesOf(locals.flatMap((block) => children(child(block, "body"), "attribute")));
  const duplicate = top.duplicate ?? local.duplicate;
  return {
    locals: local.attributes,
    inputs: new Map(objectElements(top.attributes.get("inputs")) ?? []),
    hasLocals: locals.length > 0,
    ...(duplicate === undefined ? {} : { duplicate }),
  };
}

function firstError(node: Node): number {
  const inner = node.children.find((part) => part !== null && (part.hasError || part.isMissing));
  return inner ? firstError(inner) : line(node);
}

function attributesOf(nodes: Node[]): { attributes: Attributes; duplicate?: string } {
  const attributes = new Map<string, Node>();
  for (const node of nodes) {
    const name = attributeName(node);
    if (attributes.has(name)) return { attributes, duplicate: name };
    attributes.set(name, child(node, "expression")!);
  }
  return { attributes };
}

/**
 * The `key = value` pairs of an object expression. undefined: it is no object, or has a key that is not a
 * plain word or text, which could be any.
 */
export function objectElements(expression: Node | undefined): [string, Node][] | undefined {
  const object = child(child(expression, "collection_value"), "object");
  if (!object) return undefined;
  const pairs = children(object, "object_elem").map((element): [string, Node] | undefined => {
    const key = element.childForFieldName("key");
    const value = element.childForFieldName("val");
    const name = key && /^(?:"([\w-]+)"|([\w-]+))$/.exec(key.text);
    return name && value ? [(name[1] ?? name[2])!, value] : undefined;
  });
  return pairs.every((pair) => pair !== undefined) ? pairs : undefined;
}

/** `locals {`: a block of that name with labels is none. */
function isLocals(block: Node): boolean {
  const [name, next] = block.namedChildren;
  return name?.text === "locals" && next?.type === "block_start";
}

function attributeName(attribute: Node): string {
  return attribute.namedChildren[0]?.text ?? "";
}

/** The first named child of a type; undefined also for an undefined node, so that calls nest. */
export function child(node: Node | undefined, type: string): Node | undefined {
  return children(node, type)[0];
}

function children(node: Node | undefined, type: string): Node[] {
  return (node?.namedChildren ?? []).filter((part): part is Node => part?.type === type);
}

/** 1-based. */
export function line(node: Node): number {
  return node.startPosition.row + 1;
}
