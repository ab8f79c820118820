import type { JuteReader } from "./jute-reader.ts";
import { JuteWriter } from "./jute-writer.ts";

/** What a request asks for (`ZooDefs.OpCode`). */
export const ops = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  removeWatches: 18,
  auth: 100,
  setWatches: 101,
  setWatches2: 105,
  addWatch: 106,
  closeSession: -11,
} as const;

/** What a connection is asked. */
export interface LinkRequest {
  readonly op: number;
  /** Says in errors what was asked. */
  readonly what: string;
  readonly write: (writer: JuteWriter) => void;
}

/** Numbers of requests that stand for a purpose; ordinary ones count up from 1. */
export const xids = { event: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** What happened to a node (`Watcher.Event.EventType`). */
export const events = { none: -1, created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

/** What is known of a node besides its content. */
export interface Stat {
  /** The transaction that created it. */
  readonly czxid: bigint;
  /** The transaction that wrote it last. */
  readonly mzxid: bigint;
  readonly version: number;
  /** The session that it lives with; 0 for a node that stays. */
  readonly ephemeralOwner: bigint;
  /** The transaction that changed its children last. */
  readonly pzxid: bigint;
}

const statBytes = 68;

export function readStat(reader: JuteReader): Stat {
  const czxid = reader.long();
  const mzxid = reader.long();
  reader.long();
  reader.long();
  const version = reader.int();
  reader.int();
  reader.int();
  const ephemeralOwner = reader.long();
  reader.int();
  reader.int();
  return { czxid, mzxid, version, ephemeralOwner, pzxid: reader.long() };
}

/** The bytes a {@link Stat} has, for tests of truncated answers. */
export const sizes: { readonly stat: number } = { stat: statBytes };

/** The first thing a client says: which session it had, and what it has seen. */
export interface ConnectRequest {
  readonly lastZxid: bigint;
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly allowReadOnly: boolean;
}

export function connectFrame(request: ConnectRequest): Buffer {
  return new JuteWriter()
    .int(0)
    .long(request.lastZxid)
    .int(request.timeoutMs)
    .long(request.sessionId)
    .buffer(request.password)
    .bool(request.allowReadOnly)
    .frame();
}

/** The answer: a session, or a timeout of 0 where the one that was asked for is gone. */
export interface ConnectResponse {
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Buffer;
  readonly isReadOnly: boolean;
}

export function readConnectResponse(reader: JuteReader): ConnectResponse {
  reader.int();
  const timeoutMs = reader.int();
  const sessionId = reader.long();
  // A copy: what a frame is a part of would be kept alive by it.
  const password = Buffer.from(reader.buffer());
  // Servers before 3.4 do not say it.
  const isReadOnly = reader.left > 0 && reader.bool();
  return { timeoutMs, sessionId, password, isReadOnly };
}

/** What every answer begins with. */
export interface ReplyHeader {
  readonly xid: number;
  readonly zxid: bigint;
  readonly error: number;
}

export function readReplyHeader(reader: JuteReader): ReplyHeader {
  return { xid: reader.int(), zxid: reader.long(), error: reader.int() };
}

/** A node changed that a watch was set on. */
export interface WatchEvent {
  readonly type: number;
  readonly path: string;
}

export function readWatchEvent(reader: JuteReader): WatchEvent {
  const type = reader.int();
  reader.int();
  return { type, path: reader.text() };
}

/** Who may do what with a node: a sum of 1 read, 2 write, 4 create, 8 delete, 16 administer. */
export interface Acl {
  readonly permissions: number;
  /** `world`, `auth`, `digest`, `ip`, `x509`. */
  readonly scheme: string;
  readonly id: string;
}

export function writeAcl(writer: JuteWriter, acl: Acl): void {
  writer.int(acl.permissions).text(acl.scheme).text(acl.id);
}
