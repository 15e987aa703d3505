import { Refusal } from "./answer.ts";

type TextRule = { at: string; min: number; max: number; pattern: string };
type RangeRule = { at: string; min: number; max: number };

/** Which constraints the parameter breaks, in the words of STS; null: it did not come. */
export function textFaults(value: string | null, { at, min, max, pattern }: TextRule): string[] {
  if (value === null) return [`Value null at '${at}' failed to satisfy constraint: Member must not be null`];
  const broken: string[] = [];
  if (!new RegExp(`^${pattern}$`).test(value))
    broken.push(`Member must satisfy regular expression pattern: ${pattern}`);
  if (value.length < min) broken.push(`Member must have length greater than or equal to ${min}`);
  if (value.length > max) broken.push(`Member must have length less than or equal to ${max}`);
  return broken.map((constraint) => `Value '${value}' at '${at}' failed to satisfy constraint: ${constraint}`);
}

export function rangeFaults(value: number, { at, min, max }: RangeRule): string[] {
  const broken: string[] = [];
  if (value < min) broken.push(`Member must have value greater than or equal to ${min}`);
  if (value > max) broken.push(`Member must have value less than or equal to ${max}`);
  return broken.map((constraint) => `Value '${value}' at '${at}' failed to satisfy constraint: ${constraint}`);
}

/** STS names all that is wrong with a request in one message. */
export function refuseFaults(faults: string[]): void {
  if (faults.length === 0) return;
  const count = `${faults.length} validation error${faults.length === 1 ? "" : "s"} detected`;
  throw validationError(`${count}: ${faults.join("; ")}`);
}

export function validationError(message: string): Refusal {
  return new Refusal(400, "ValidationError", message);
}

export function parseSeconds(value: string | null, fallback: number): number {
  if (value === null) return fallback;
  if (!/^[+-]?\d{1,9}$/.test(value)) throw new Refusal(400, "MalformedInput", "DurationSeconds is not a whole number");
  return Number(value);
}
