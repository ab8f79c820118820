import { isRecord } from "../is-record.ts";
import type { DirectoryEndpoint } from "./resolution.ts";
import type { Endpoint } from "./source.ts";

/** Something that may be an endpoint: every field is unchecked. */
export type LooseEndpoint = { readonly [K in keyof DirectoryEndpoint]?: unknown };

/** Whether every field that a source can set is the same, metadata and locality included. */
export function sameEndpoint(a: Endpoint, b: LooseEndpoint): boolean {
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
      (a.locality === b.locality || sameLocality(a.locality, b.locality)) &&
      (a.metadata === b.metadata || sameStrings(a.metadata, b.metadata)))
  );
}

// Field by field, and loops instead of Object.keys: these run for every endpoint of every snapshot.

function sameLocality(a: Endpoint["locality"], b: unknown): boolean {
  if (a === undefined || !isRecord(b)) return false;
  return a.region === b["region"] && a.zone === b["zone"] && a.subZone === b["subZone"];
}

/** Whether two records of strings have the same keys and values. */
export function sameStrings(a: Readonly<Record<string, string>>, b: unknown): boolean {
  if (!isRecord(b)) return false;
  let left = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    left++;
  }
  for (const _ in b) left--;
  return left === 0;
}
