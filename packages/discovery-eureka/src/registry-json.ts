import { isRecord, parsePieces, SourceError } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { readInstance } from "./instance-record.ts";
import type { InstanceReading, InstanceRecord } from "./instance-record.ts";

/** As many instances as are read in one piece. */
const piece = 64;

/** What an answer lists. */
export interface RegistryAnswer {
  readonly records: readonly InstanceRecord[];
  /** The server's count of everything it knows, by status; absent where it does not tell. */
  readonly hashCode: string | undefined;
  /** Entries of which nobody can tell what they are. */
  readonly unreadable: number;
}

/**
 * Reads the JSON of `/apps`, `/apps/delta`, `/vips/…` (`{ applications }`) and `/apps/…` (`{ application }`). A list of
 * one may be that one without a list, and an empty list may be missing: older servers write so.
 * @throws SourceError of class `data` when it is neither
 */
export function* readRegistry(
  what: string,
  body: string | readonly string[],
  reading: InstanceReading,
): Sliceable<RegistryAnswer> {
  const json = yield* parse(what, body);
  const all = isRecord(json) ? json["applications"] : undefined;
  const one = isRecord(json) ? json["application"] : undefined;
  if (!isRecord(all) && !isRecord(one)) {
    throw new SourceError("data", `${what}: Eureka's answer has no applications`);
  }
  const records: InstanceRecord[] = [];
  let unreadable = 0;
  for (const app of isRecord(all) ? listOf(all["application"]) : [one]) {
    if (!isRecord(app)) {
      unreadable++;
      continue;
    }
    for (const [i, raw] of listOf(app["instance"]).entries()) {
      if (i % piece === 0) yield;
      const instance = readInstance(raw, app["name"], reading);
      if (instance === undefined) unreadable++;
      else records.push(instance);
    }
  }
  // XStream escapes `_` as `__`, and the newer serialiser kept the name.
  const hashCode = isRecord(all) ? (all["apps__hashcode"] ?? all["apps_hashcode"]) : undefined;
  return { records, hashCode: typeof hashCode === "string" ? hashCode : undefined, unreadable };
}

function* parse(what: string, body: string | readonly string[]): Sliceable<unknown> {
  try {
    return yield* parsePieces(body);
  } catch (error) {
    const [start = ""] = typeof body === "string" ? [body] : body;
    const isXml = start.trimStart().startsWith("<");
    throw new SourceError("data", `${what}: Eureka's answer is ${isXml ? "XML" : "no JSON"}`, {
      cause: error,
    });
  }
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null || value === "" ? [] : [value];
}
