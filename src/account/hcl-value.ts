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

/** `folderName` is what `basename(get_terragrunt_dir())` gives inside account.hcl: that file's own folder. */
export type Scope = { locals: Attributes; folderName: string; resolving: ReadonlySet<string> };

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
  const at = { line: line(expression) };
  switch (head.type) {
    case "literal_value":
      return evaluateLiteral(head, expression);
    case "template_expr":
      return evaluateTemplate(head, expression, scope);
    case "function_call":
      return evaluateCall(head, expression, scope);
    case "collection_value": {
      const entries = new Map(objectElements(expression));
      if (!child(head, "object")) return computed(expression);
      return { ...at, kind: "object", get: (key) => mapValue(entries.get(key), (node) => evaluate(node, scope)) };
    }
    default:
      return computed(expression);
  }
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
    if (value?.kind !== "text" || before === undefined) return computed(expression);
    text += before + value.text;
    from = part.endIndex;
  }
  const rest = plainText(quoted.text.slice(from - quoted.startIndex, -1));
  return rest === undefined ? computed(expression) : { kind: "text", text: text + rest, line: line(expression) };
}

function evaluateCall(call: Node, expression: Node, scope: Scope): HclValue {
  const file = REGISTRY_CALL.exec(call.text)?.[1];
  if (file) return { kind: "registry", file, keys: [], line: line(expression) };
  if (FOLDER_CALL.test(call.text)) return { kind: "text", text: scope.folderName, line: line(expression) };
  return computed(expression);
}

function evaluateLocal(expression: Node, steps: (Node | null)[], scope: Scope): HclValue {
  const [first, ...rest] = steps;
  const name = first?.type === "get_attr" ? first.namedChildren[0]?.text : undefined;
  const target = name === undefined ? undefined : scope.locals.get(name);
  if (name === undefined || !target || scope.resolving.has(name)) return computed(expression);
  const inner = evaluate(target, { ...scope, resolving: new Set([...scope.resolving, name]) });
  return rest.reduce((from: HclValue, step) => take(from, step!, expression, scope), inner);
}

/** One `.key` or `["key"]` further into an object or the registry. */
function take(from: HclValue, step: Node, expression: Node, scope: Scope): HclValue {
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

function mapValue<T, R>(value: T | undefined, change: (value: T) => R): R | undefined {
  return value === undefined ? undefined : change(value);
}
