/** An object of JSON. */
type JsonRecord = Record<string, unknown>;

/** Applies a JSON Merge Patch (RFC 7396); `target` is changed where it is an object. @returns the result */
export function applyPatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  // Without a prototype no key that a registry invents means anything.
  const result: JsonRecord = isRecord(target) ? target : Object.create(null);
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) delete result[key];
    else result[key] = applyPatch(Object.hasOwn(result, key) ? result[key] : undefined, patch[key]);
  }
  return result;
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
