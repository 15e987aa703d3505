import { describe, expect, it } from "vitest";
import { shortPath, visible } from "../src/visible.ts";

describe("visible", () => {
  it.each([
    ["a newline", "\n", String.raw`\u{a}`],
    ["a carriage return", "\r", String.raw`\u{d}`],
    ["a tab", "\t", String.raw`\u{9}`],
    ["a NUL", "\0", String.raw`\u{0}`],
    ["a bell", "\u0007", String.raw`\u{7}`],
    ["an escape character", "\u001B", String.raw`\u{1b}`],
    ["DEL", "\u007F", String.raw`\u{7f}`],
    ["the 8-bit escape sequence introducer", "\u009B", String.raw`\u{9b}`],
    ["a soft hyphen", "\u00AD", String.raw`\u{ad}`],
    ["a zero-width space", "\u200B", String.raw`\u{200b}`],
    ["a zero-width joiner", "\u200D", String.raw`\u{200d}`],
    ["a right-to-left mark", "\u200F", String.raw`\u{200f}`],
    ["a line separator", "\u2028", String.raw`\u{2028}`],
    ["a paragraph separator", "\u2029", String.raw`\u{2029}`],
    ["a right-to-left override", "\u202E", String.raw`\u{202e}`],
    ["a bidi isolate", "\u2066", String.raw`\u{2066}`],
    ["an Arabic letter mark", "\u061C", String.raw`\u{61c}`],
    ["a byte order mark", "\uFEFF", String.raw`\u{feff}`],
    ["a high surrogate alone", "\uD800", String.raw`\u{d800}`],
    ["a low surrogate alone", "\uDC00", String.raw`\u{dc00}`],
    ["a tag character", "\u{E0041}", String.raw`\u{e0041}`],
  ])("shows %s", (_title, character, shown) => {
    expect(visible(`a${character}b${character}`)).toBe(`a${shown}b${shown}`);
  });

  it.each([
    "",
    "prod",
    "a b",
    "Prod-EU_1.2@x/+=,",
    "生产",
    "ідентифікатор",
    "é",
    "e\u0301",
    "😀",
    "→ …",
    '"\\',
    String.raw`\u{1b}`,
  ])("leaves %j as it is", (text) => {
    expect(visible(text)).toBe(text);
  });

  it("takes an escape sequence its power", () => {
    expect(visible("\u001B]0;title\u0007\u001B[2J")).toBe(String.raw`\u{1b}]0;title\u{7}\u{1b}[2J`);
  });

  it("changes nothing when it is done twice", () => {
    expect(visible(visible("a\u001Bb\nc"))).toBe(visible("a\u001Bb\nc"));
  });
});

describe("shortPath", () => {
  it.each([
    ["/repo/prod/account.hcl", "/repo", "prod/account.hcl"],
    ["/repo/prod/account.hcl", "/repo/prod", "account.hcl"],
    ["/repository/account.hcl", "/repo", "/repository/account.hcl"],
    ["/repo", "/repo", "/repo"],
    ["/other/account.hcl", "/repo", "/other/account.hcl"],
    ["--account", "/repo", "--account"],
  ])("%s from %s is %s", (path, from, short) => {
    expect(shortPath(path, from)).toBe(short);
  });
});
