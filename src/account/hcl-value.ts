import type { Node } from "web-tree-sitter";
import { type Attributes, child, line, objectElements } from "./hcl.ts";

/**
 * What an expression is worth without running anything. Whatever is not one of the first four is `computed`:
 * only Terragrunt could know it, so it is never guessed.
 */
export type HclValue = { line: number } & (
  | { kind: "text" | "number"; text: string }
  | { kind: "object"; get(key: string): HclValue | undefined }
  /** `jsondecode(file(find_in_parent_folders("accounts.json")))` and the keys taken from it. */
  | { kind: "registry"; file: string; keys: string[] }
  /** The functions it calls, for the message. */
  | { kind: "computed"; calls: string[] }
);

/**
 * Where an expression stands. `folderName` is what `basename(get_terragrunt_dir())` gives inside account.hcl:
 * that file's own folder. Each local is evaluated once: a chain of doubling templates would not end otherwise.
 */
export type Scope = { locals: Attributes; folderName: string; evaluated: Known };
type Known = Map<string, HclValue | "being evaluated">;

export function newScope(locals: Attributes, folderName: string): Scope {
  return { locals, folderName, evaluated: new Map() };
}

/** Far longer than any name or id; a template that grows beyond it is none. */
const MAX_TEXT = 1000;

const REGISTRY_CALL = /^(?:jsondecode|yamldecode)\(\s*file\(\s*find_in_parent_folders\(\s*"([\w.-]+)"\s*\)\s*\)\s*\)$/;
const FOLDER_CALL = /^basename\(\s*get_terragrunt_dir\(\s*\)\s*\)$/;

/** Evaluates string and number literals, `local.x`, templates of those, the folder's name, objects and registry look-ups. */
export function evaluate(expression: Node, scope: Scope): HclValue {
  const [head, ...steps] = expression.namedChildren.filter((node) => node !== null && node.type !== "comment");
  if (!head) return computed(expression);
  if (head.type === "expression" && steps.length === 0) return evaluate(head, scope);
  if (head.type === "variable_expr" && head.text === "local") return evaluateLocal(expression, steps, scope);
  const value = evaluateHead(head, expression, scope);
  return steps.reduce((from: HclValue, step) => take(from, step, expression, scope), value);
}

function evaluateHead(head: Node, expression: Node, scope: Scope): HclValue {
  switch (head.type) {
    case "literal_value":
      return evaluateLiteral(head, expression);
    case "template_expr":
      return evaluateTemplate(head, expression, scope);
    case "function_call":
      return evaluateCall(head, expression, scope);
    case "collection_value":
      return evaluateObject(expression, scope);
    default:
      return computed(expression);
  }
}

/** Its values are evaluated when they are asked for: most are of no interest. */
function evaluateObject(expression: Node, scope: Scope): HclValue {
  const elements = objectElements(expression);
  if (!elements) return computed(expression);
  const [nodes, known]: [ReadonlyMap<string, Node>, Known] = [new Map(elements), new Map()];
  const get = (key: string): HclValue | undefined =>
    nodes.has(key) ? (evaluateOnce(known, key, nodes.get(key), scope) ?? computed(expression)) : undefined;
  return { kind: "object", get, line: line(expression) };
}

function evaluateLiteral(literal: Node, expression: Node): HclValue {
  const number = child(literal, "numeric_lit");
  if (number) return { kind: "number", text: number.text, line: line(expression) };
  const string = child(literal, "string_lit");
  const text = string && plainText(string.text.slice(1, -1));
  return text === undefined ? computed(expression) : { kind: "text", text, line: line(expression) };
}

/** Escapes (`\n`, `$${`, `%%{`) never occur in an id or a name, so they are not decoded. */
function plainText(source: string): string | undefined {
  return /[\\]|\$\$\{|%%\{/.test(source) ? undefined : source;
}

/** Literal text is cut out of the source by position: the grammar drops blanks around interpolations. */
function evaluateTemplate(template: Node, expression: Node, scope: Scope): HclValue {
  const quoted = child(template, "quoted_template");
  if (!quoted) return computed(expression);
  let text = "";
  let from = quoted.startIndex + 1;
  for (const part of quoted.namedChildren) {
    if (part?.type === "template_directive") return computed(expression);
    if (part?.type !== "template_interpolation") continue;
    const inner = child(part, "expression");
    const value = inner && evaluate(inner, scope);
    const before = plainText(quoted.text.slice(from - quoted.startIndex, part.startIndex - quoted.startIndex));
    if (value?.kind !== "text" || before === undefined || isStripping(part)) return computed(expression);
    text += before + value.text;
    if (text.length > MAX_TEXT) return computed(expression);
    from = part.endIndex;
  }
  const rest = plainText(quoted.text.slice(from - quoted.startIndex, -1));
  return rest === undefined ? computed(expression) : { kind: "text", text: text + rest, line: line(expression) };
}

/** `${~ x ~}` takes the blanks around it away. */
function isStripping(interpolation: Node): boolean {
  return interpolation.text.startsWith("${~") || interpolation.text.endsWith("~}");
}

function evaluateCall(call: Node, expression: Node, scope: Scope): HclValue {
  const file = REGISTRY_CALL.exec(call.text)?.[1];
  if (file) return { kind: "registry", file, keys: [], line: line(expression) };
  if (FOLDER_CALL.test(call.text)) return { kind: "text", text: scope.folderName, line: line(expression) };
  return computed(expression);
}

function evaluateLocal(expression: Node, steps: Node[], scope: Scope): HclValue {
  const [first, ...rest] = steps;
  const name = first?.type === "get_attr" ? first.namedChildren[0]?.text : undefined;
  const inner = name === undefined ? undefined : evaluateOnce(scope.evaluated, name, scope.locals.get(name), scope);
  if (!inner) return computed(expression);
  return rest.reduce((from: HclValue, step) => take(from, step, expression, scope), inner);
}

/** Each is evaluated once. undefined: it is not there, or it needs itself. */
function evaluateOnce(known: Known, name: string, node: Node | undefined, scope: Scope): HclValue | undefined {
  const value = known.get(name);
  if (value) return value === "being evaluated" ? undefined : value;
  if (!node) return undefined;
  known.set(name, "being evaluated");
  const evaluated = evaluate(node, scope);
  known.set(name, evaluated);
  return evaluated;
}

/** One `.key` or `["key"]` further into an object or the registry. */
function take(from: HclValue, step: Node, expression: Node, scope: Scope): HclValue {
  if (from.kind === "computed") return from;
  const key = stepKey(step, scope);
  if (key === undefined) return computed(expression);
  if (from.kind === "registry") return { ...from, keys: [...from.keys, key], line: line(expression) };
  return (from.kind === "object" ? from.get(key) : undefined) ?? computed(expression);
}

function stepKey(step: Node, scope: Scope): string | undefined {
  if (step.type === "get_attr") return step.namedChildren[0]?.text;
  const index = child(child(step, "new_index"), "expression");
  const value = index && evaluate(index, scope);
  return value?.kind === "text" ? value.text : undefined;
}

function computed(expression: Node): HclValue {
  const calls = expression.descendantsOfType("function_call").map((call) => call?.namedChildren[0]?.text ?? "");
  return { kind: "computed", calls: [...new Set(calls)], line: line(expression) };
}
