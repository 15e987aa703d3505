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
  const locals = children(body, "block").filter((block) => blockName(block) === "locals");
  const local = attributesOf(locals.flatMap((block) => children(child(block, "body"), "attribute")));
  const inputs = children(body, "attribute").find((attribute) => attributeName(attribute) === "inputs");
  return {
    locals: local.attributes,
    inputs: new Map(objectElements(inputs && child(inputs, "expression"))),
    hasLocals: locals.length > 0,
    ...(local.duplicate === undefined ? {} : { duplicate: local.duplicate }),
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

/** The `key = value` pairs of an object expression; keys that are not a plain word or string are left out. */
export function objectElements(expression: Node | undefined): [string, Node][] {
  const object = child(child(expression, "collection_value"), "object");
  return children(object, "object_elem").flatMap((element): [string, Node][] => {
    const key = element.childForFieldName("key");
    const value = element.childForFieldName("val");
    const name = key && /^"?([\w-]+)"?$/.exec(key.text)?.[1];
    return name && value ? [[name, value]] : [];
  });
}

function blockName(block: Node): string {
  return block.namedChildren[0]?.text ?? "";
}

function attributeName(attribute: Node): string {
  return attribute.namedChildren[0]?.text ?? "";
}

/** The first named child of a type; undefined also for an undefined node, so that calls nest. */
export function child(node: Node | undefined, type: string): Node | undefined {
  return children(node, type)[0];
}

export function children(node: Node | undefined, type: string): Node[] {
  return (node?.namedChildren ?? []).filter((part): part is Node => part?.type === type);
}

/** 1-based. */
export function line(node: Node): number {
  return node.startPosition.row + 1;
}
