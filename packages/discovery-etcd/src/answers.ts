import { SourceError, isRecord, parsePieces } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { EtcdError, readCancelReason, readRefusal } from "./etcd-error.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Where in which history an answer stands. */
export interface Header {
  readonly clusterId: string;
  readonly revision: bigint;
}

/** One key and what it holds. */
export interface KeyValue {
  /** As the gateway writes it (base64): unique whatever the bytes are. */
  readonly name: string;
  readonly key: string;
  readonly value: Uint8Array;
  readonly modRevision: bigint;
  /** `0` without one. */
  readonly lease: string;
}

/** A list at one revision. */
export interface RangeAnswer {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
}

/** One change. */
export interface WatchEvent {
  readonly isDelete: boolean;
  readonly kv: KeyValue;
}

/** One message of a watch: its creation, changes, or without either a sign of life. */
export interface WatchMessage {
  readonly header: Header;
  readonly isCreated: boolean;
  readonly events: readonly WatchEvent[];
}

/** As many entries as are read in one piece. */
const piece = 64;

/** Reads the text of an answer of `/v3/kv/range`; throws `data` when it is none. */
export function* readRangeText(text: string | readonly string[], what: string): Sliceable<RangeAnswer> {
  return yield* readRange(yield* parsedPieces(text, what), what);
}

/** Reads the answer of `/v3/kv/range`; throws `data` when it is none. Fields that are zero or empty are absent. */
export function* readRange(json: unknown, what: string): Sliceable<RangeAnswer> {
  const fields = recordOf(json, what);
  const kvs: KeyValue[] = [];
  for (const [i, kv] of listOf(fields["kvs"], what).entries()) {
    if (i % piece === 0) yield;
    kvs.push(readKv(kv, what));
  }
  return { header: readHeader(fields, what), kvs };
}

/**
 * Reads one line of a watch. Throws what ends it: `protocol-reset` when the revision was compacted (which has no text
 * of its own), the refusal that it was cancelled with, or the error line that closes a stream.
 */
export function readWatchLine(line: string, what: string): WatchMessage {
  const outer = recordOf(parseJson(line, what), what);
  const refusal = readRefusal(outer["error"]);
  if (refusal !== undefined) throw new EtcdError(what, refusal);
  const fields = recordOf(outer["result"], what);
  if (fields["canceled"] === true) throw cancellation(fields, what);
  const events = listOf(fields["events"], what).map((raw) => {
    const event = recordOf(raw, what);
    return { isDelete: event["type"] === "DELETE", kv: readKv(event["kv"], what) };
  });
  return { header: readHeader(fields, what), isCreated: fields["created"] === true, events };
}

/** An answer's JSON; throws `data` when it is none. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw noJson(what, error);
  }
}

function* parsedPieces(text: string | readonly string[], what: string): Sliceable<unknown> {
  try {
    return yield* parsePieces(text);
  } catch (error) {
    throw noJson(what, error);
  }
}

function noJson(what: string, cause: unknown): SourceError {
  return new SourceError("data", `${what}: etcd's answer is no JSON`, { cause });
}

/** An int64, which the gateway writes as text; 0 when absent. `undefined` when it is no number. */
function readInt64(value: unknown): bigint | undefined {
  if (value === undefined) return 0n;
  const isText = typeof value === "string" && /^-?\d{1,20}$/.test(value);
  return isText || (typeof value === "number" && Number.isSafeInteger(value)) ? BigInt(value) : undefined;
}

/** An object; throws `data` when it is none. */
export function recordOf(value: unknown, what: string): Fields {
  if (!isRecord(value)) throw new SourceError("data", `${what}: etcd's answer is not of the known form`);
  return value;
}

function cancellation(fields: Fields, what: string): SourceError {
  const compacted = readInt64(fields["compact_revision"]) ?? 0n;
  if (compacted > 0n) {
    return new SourceError("protocol-reset", `${what}: etcd has compacted what came before ${compacted}`);
  }
  const reason = fields["cancel_reason"];
  if (typeof reason === "string" && reason !== "") return new EtcdError(what, readCancelReason(reason));
  return new SourceError("transient", `${what}: etcd cancelled the watch without a reason`);
}

function readHeader(fields: Fields, what: string): Header {
  const header = recordOf(fields["header"], what);
  const revision = readInt64(header["revision"]);
  const clusterId = header["cluster_id"];
  if (revision === undefined || revision <= 0n) {
    throw new SourceError("data", `${what}: etcd's answer has no revision`);
  }
  return { clusterId: typeof clusterId === "string" ? clusterId : "", revision };
}

function readKv(value: unknown, what: string): KeyValue {
  const fields = recordOf(value, what);
  const { key, lease } = fields;
  const modRevision = readInt64(fields["mod_revision"]);
  if (typeof key !== "string" || modRevision === undefined) {
    throw new SourceError("data", `${what}: etcd listed an entry without a key or revision`);
  }
  const content = fields["value"];
  return {
    name: key,
    key: Buffer.from(key, "base64").toString("utf8"),
    value: Buffer.from(typeof content === "string" ? content : "", "base64"),
    modRevision,
    lease: typeof lease === "string" ? lease : "0",
  };
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new SourceError("data", `${what}: etcd's answer is not of the known form`);
  return value;
}
