/**
 * A string that cannot be printed by accident.
 *
 * Protects from: string concatenation, templates, JSON, console.log and inspect of whatever holds it.
 * Does not protect from: code that calls `reveal()`, or a memory dump. Enough, because every `reveal()`
 * is one search away and stands where the value leaves us: a signature, a seal, the answer itself.
 */
const HIDDEN = "[secret]";

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return HIDDEN;
  }
}
