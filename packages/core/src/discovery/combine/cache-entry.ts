import { isRecord } from "../../is-record.ts";
import { namesSecret } from "../secret-name.ts";
import type { Endpoint } from "../source.ts";
import { isProblem, readEndpoint } from "../validate-endpoint.ts";

/** The format of the files; another one is not read. */
const cacheVersion = 1;

/** Whose list a file holds. */
export interface CacheTarget {
  readonly source: string;
  /** The source's key: everything that changes the answer. */
  readonly key: string;
  readonly service: string;
}

/** A list as a file holds it. */
export interface CachedList {
  readonly revision?: string;
  /** Milliseconds since the Unix epoch. */
  readonly savedAt: number;
  readonly endpoints: readonly Endpoint[];
}

/** What is written of an endpoint; undefined for what is none, so that it is not found in a file later. */
export function writeEndpoint(entry: unknown): string | undefined {
  const endpoint = readEndpoint(entry);
  if (isProblem(endpoint)) return undefined;
  const { held: _, metadata, ...rest } = endpoint;
  // A disk is read by others than this process.
  const open = Object.entries(metadata).filter(([key]) => !namesSecret(key));
  return JSON.stringify({ ...rest, metadata: Object.fromEntries(open) });
}

/** Everything of a file before its endpoints. */
export function writeHead(target: CacheTarget, savedAt: number, revision: string | undefined): string {
  const { key, service, source } = target;
  const head = JSON.stringify({ v: cacheVersion, target: { source, key, service }, revision, savedAt });
  return `${head.slice(0, -1)},"endpoints":[\n`;
}

/** Everything after them. */
export const cacheTail = "\n]}\n";

/**
 * Reads a file's text.
 * @returns the list, or a few words that say why it is not used
 */
export function readEntry(
  content: string,
  target: CacheTarget,
  now: number,
  maxAgeMs: number,
): CachedList | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    return "it is no JSON";
  }
  if (!isRecord(parsed)) return "it is no list";
  const { endpoints, revision, savedAt, target: written, v } = parsed;
  if (v !== cacheVersion) return `its format is not version ${cacheVersion}`;
  if (!isTarget(written, target)) return "it is the list of something else";
  if (typeof savedAt !== "number" || !Number.isFinite(savedAt) || !Array.isArray(endpoints)) {
    return "it is no list";
  }
  // A clock that was set back since makes it younger than new; one that is far off makes it worthless.
  const ageMs = now - savedAt;
  if (ageMs > maxAgeMs || ageMs < -maxAgeMs) return `it is ${Math.round(ageMs / 1_000)} s old`;
  const good = endpoints.flatMap((entry: unknown): readonly Endpoint[] => {
    const endpoint = readEndpoint(entry);
    return isProblem(endpoint) ? [] : [endpoint];
  });
  if (good.length === 0) return "it has no usable endpoint";
  return { savedAt, endpoints: good, ...(typeof revision === "string" ? { revision } : undefined) };
}

function isTarget(written: unknown, target: CacheTarget): boolean {
  if (!isRecord(written)) return false;
  return (
    written["source"] === target.source &&
    written["key"] === target.key &&
    written["service"] === target.service
  );
}
