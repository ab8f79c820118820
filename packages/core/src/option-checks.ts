import { configError } from "./errors.ts";

/** What a number may be. */
export interface NumberRule {
  readonly min: number;
  readonly max: number;
  /** `min` itself is not allowed. */
  readonly above?: boolean;
  readonly integer?: boolean;
}

/** The path of a field inside an object, as the user would write it. */
export function fieldPath(prefix: string, key: string): string {
  return prefix === "" ? key : `${prefix}.${key}`;
}

/**
 * An object with no other keys than `keys`; an empty one for `undefined`.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkObject(
  value: unknown,
  path: string,
  keys: readonly string[],
  orFalse = false,
): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  if (!isPlainObject(value)) throw configError(path, orFalse ? "false or an object" : "an object", value);
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) {
      const legal = `left out (${path === "" ? "it" : path} takes ${keys.join(", ")})`;
      throw configError(fieldPath(path, key.slice(0, 60)), legal, value[key]);
    }
  }
  return value;
}

/**
 * A finite number inside `rule`, or `undefined` where none was given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkNumber(value: unknown, path: string, rule: NumberRule): number | undefined {
  if (value === undefined) return undefined;
  const { min, max, above, integer } = rule;
  const legal =
    typeof value === "number" &&
    value <= max &&
    (above === true ? value > min : value >= min) &&
    (integer !== true || Number.isInteger(value));
  if (legal) return value;
  const kind = integer === true ? "a whole number" : "a number";
  throw configError(
    path,
    above === true ? `${kind} above ${min} and at most ${max}` : `${kind} from ${min} to ${max}`,
    value,
  );
}

/**
 * An array, or `undefined` where none was given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkArray(value: unknown, path: string, of: string): readonly unknown[] | undefined {
  if (value === undefined || isArray(value)) return value;
  throw configError(path, `an array of ${of}`, value);
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Instances of classes are refused: a policy must survive being written as JSON. */
function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * One of several words, or `undefined` where none was given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkChoice<T extends string>(
  input: unknown,
  path: string,
  allowed: readonly T[],
): T | undefined {
  if (input === undefined) return undefined;
  const found = allowed.find((value) => value === input);
  if (found === undefined) throw configError(path, `one of ${allowed.join(", ")}`, input);
  return found;
}

/**
 * A list of some of several words, each once, or `undefined` where none was given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkChoices<T extends string>(
  input: unknown,
  path: string,
  allowed: readonly T[],
): readonly T[] | undefined {
  const given = checkArray(input, path, allowed.join(", "));
  if (given === undefined) return undefined;
  const found = given.map((value, index) => {
    const one = checkChoice(value, `${path}[${index}]`, allowed);
    if (one === undefined) throw configError(`${path}[${index}]`, `one of ${allowed.join(", ")}`, value);
    return one;
  });
  return Object.freeze([...new Set(found)]);
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function checkFlag(input: unknown, path: string): boolean | undefined {
  if (input !== undefined && typeof input !== "boolean") throw configError(path, "true or false", input);
  return input;
}
