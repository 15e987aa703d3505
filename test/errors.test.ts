import { describe, expect, it } from "vitest";
import { BrokerError, exitStatus, fromWire, renderError, toWire } from "../src/errors.ts";
import { Secret } from "../src/secret.ts";

describe("renderError", () => {
  it("aligns the details and shows control characters", () => {
    const error = new BrokerError("NO_BASE", "no \u001b[31mbase", [
      ["said by", "a\u202Eb"],
      ["try", "hallpass login"],
    ]);
    expect(renderError(error, "1.0.0")).toBe(`hallpass: no \\u{1b}[31mbase
  said by  a\\u{202e}b
  try      hallpass login
`);
  });

  it("shows a bug by its kind and our frames, never by its message", () => {
    const bug = new TypeError("canary in a message");
    bug.stack = "TypeError: canary in a message\n    at canaryFree (file:///x.js:1:1)";
    expect(renderError(bug, "1.0.0")).toBe(`hallpass: a bug in hallpass 1.0.0 (TypeError); nothing was handed out
    at canaryFree (file:///x.js:1:1)
  try  report it with the lines above; they hold no secret
`);
    expect(renderError("canary", "1.0.0")).not.toContain("canary");
  });
});

describe("exitStatus", () => {
  it("is 1 for a refusal, 64 for usage, 70 for a bug, never 2", () => {
    expect(exitStatus(new BrokerError("NO_BASE", ""))).toBe(1);
    expect(exitStatus(new BrokerError("USAGE", ""))).toBe(64);
    expect(exitStatus(new TypeError())).toBe(70);
    expect(exitStatus(undefined)).toBe(70);
  });
});

describe("the wire form", () => {
  it("keeps code, message and details, and loses the cause", () => {
    const error = new BrokerError("ROLE_REFUSED", "no", [["try", "x"]], new TypeError("canary"));
    const wire = JSON.stringify(toWire(error));
    expect(wire).not.toContain("canary");
    expect(fromWire(JSON.parse(wire) as ReturnType<typeof toWire>)).toMatchObject({
      code: "ROLE_REFUSED",
      message: "no",
      details: [["try", "x"]],
    });
  });
});

describe("Secret", () => {
  it("hides from everything that prints", async () => {
    const { inspect } = await import("node:util");
    const secret = new Secret("canary");
    const shown = [
      [secret].join(),
      String(secret),
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true, depth: 9 }),
    ];
    expect(shown.join()).not.toContain("canary");
    expect(secret.reveal()).toBe("canary");
  });
});
