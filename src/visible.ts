/**
 * Control, escape and bidirectional characters, and lone surrogates: text from a repository or a server
 * that holds them could redraw the terminal or read differently than it is.
 * Unicode categories Cc, Cf (bidi marks among them), Cs, Zl, Zp.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with each such character written as `\u{1b}`; printable text comes back as it was. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** A file path as a shell or Terragrunt needs it in a message: relative to the folder where that is shorter. */
export function shortPath(path: string, from: string): string {
  return path.startsWith(`${from}/`) ? path.slice(from.length + 1) : path;
}
