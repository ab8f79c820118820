/** An object of JSON. */
type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON Merge Patch (RFC 7396) that makes `after` of `before`; undefined where they are equal. Neither may hold `null`, which
 * means "take away" in a patch; `undefined` is as good as absent. Arrays are replaced as a whole.
 */
export function mergePatch(before: JsonObject, after: JsonObject): JsonObject | undefined {
  let patch: Record<string, unknown> | undefined;
  for (const key of Object.keys(after)) {
    const change = changeOf(ownValue(before, key), after[key]);
    if (change !== undefined) put((patch ??= {}), key, change);
  }
  for (const key of Object.keys(before)) {
    if (before[key] !== undefined && ownValue(after, key) === undefined) put((patch ??= {}), key, null);
  }
  return patch;
}

/** Keys may be called like what every object inherits. */
function ownValue(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Objects without a prototype would be safe as well, and several times as slow. */
function put(patch: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") patch[key] = value;
  else Object.defineProperty(patch, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Without a prototype, so that no key that a registry invents means anything. */
export function emptyRecord<T>(): Record<string, T> {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- an object without a prototype has no properties yet
  return Object.create(null) as Record<string, T>;
}

function changeOf(before: unknown, after: unknown): unknown {
  if (before === after) return undefined;
  if (isObject(before) && isObject(after)) return mergePatch(before, after);
  if (Array.isArray(before) && Array.isArray(after) && isSame(before, after)) return undefined;
  return after;
}

/** Arrays here are short; most hold numbers. */
function isSame(before: readonly unknown[], after: readonly unknown[]): boolean {
  return before.length === after.length && before.every((each, i) => isEqual(each, after[i]));
}

function isEqual(before: unknown, after: unknown): boolean {
  if (before === after) return true;
  return isObject(before) && isObject(after) && mergePatch(before, after) === undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
