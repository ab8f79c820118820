import type { DirectoryEndpoint } from "./resolution.ts";

/** Something that may be an endpoint: every field is unchecked. */
export type LooseEndpoint = { readonly [K in keyof DirectoryEndpoint]?: unknown };

/** Whether every field that a source can set is the same, metadata and locality included. */
export function sameEndpoint(a: DirectoryEndpoint, b: LooseEndpoint): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.host === b.host &&
      a.port === b.port &&
      a.health === b.health &&
      a.weight === b.weight &&
      a.priority === b.priority &&
      a.scheme === b.scheme &&
      a.serverName === b.serverName &&
      a.version === b.version &&
      sameStrings(a.locality, b.locality) &&
      sameStrings(a.metadata, b.metadata))
  );
}

function sameStrings(a: object | undefined, b: unknown): boolean {
  if (a === b) return true;
  if (!isRecord(a) || !isRecord(b)) return false;
  // Loops instead of Object.keys: this runs for every endpoint of every snapshot.
  let left = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    left++;
  }
  for (const _ in b) left--;
  return left === 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
