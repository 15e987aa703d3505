import hclGrammar from "@tree-sitter-grammars/tree-sitter-hcl/tree-sitter-hcl.wasm";
import { Language, type Node, Parser } from "web-tree-sitter";
import treeSitter from "web-tree-sitter/web-tree-sitter.wasm";

/** The syntax tree of an HCL text. Loading the grammar takes longer than the rest of a call: see decision.ts. */
export async function parseSyntax(text: string): Promise<Node> {
  await Parser.init({ wasmBinary: treeSitter });
  const parser = new Parser();
  parser.setLanguage(await Language.load(hclGrammar));
  const tree = parser.parse(text);
  if (tree === null) throw new TypeError("tree-sitter returned no tree although no time limit was set");
  return tree.rootNode;
}
