import type { JuteReader } from "./jute-reader.ts";
import { ops, readStat, writeAcl } from "./protocol.ts";
import type { Acl, LinkRequest, Stat } from "./protocol.ts";

/** A question about a node, and how its answer is read. Paths are whole ones. */
export interface NodeRequest<T> extends LinkRequest {
  readonly read: (answer: JuteReader) => T;
}

/** What a node is made with. */
export interface NodeContent {
  readonly data: Uint8Array;
  readonly acl: readonly Acl[];
  /** 1 lives with the session, 2 gets a number at its name's end; a sum of them. */
  readonly flags: number;
}

/**
 * Answered with a list of names and a {@link Stat}, which may be so long that whoever asks reads it, in pieces.
 * @param watch whether the answer sets a watch that shoots once; so for all reads
 */
export function getChildren(path: string, watch: boolean): NodeRequest<JuteReader> {
  return {
    op: ops.getChildren2,
    what: `children of ${path}`,
    write: (writer) => writer.text(path).bool(watch),
    read: (answer) => answer,
  };
}

export function getData(path: string, watch: boolean): NodeRequest<NodeData> {
  return {
    op: ops.getData,
    what: `data of ${path}`,
    write: (writer) => writer.text(path).bool(watch),
    read: readData,
  };
}

/** All of the answer to {@link getChildren} at once. */
export function readChildren(answer: JuteReader): { readonly names: readonly string[]; readonly stat: Stat } {
  return { names: answer.list(4, (from) => from.text()), stat: readStat(answer) };
}

/** What a node holds; the bytes are a part of the answer. */
export interface NodeData {
  readonly data: Buffer;
  readonly stat: Stat;
}

/** The answer to {@link getData}. */
export function readData(answer: JuteReader): NodeData {
  return { data: answer.buffer(), stat: readStat(answer) };
}

export function getStat(path: string, watch: boolean): NodeRequest<Stat> {
  return {
    op: ops.exists,
    what: `existence of ${path}`,
    write: (writer) => writer.text(path).bool(watch),
    read: readStat,
  };
}

/** Answered with the path, which has a number at its end with flag 2. */
export function createNode(path: string, { acl, data, flags }: NodeContent): NodeRequest<string> {
  return {
    op: ops.create,
    what: `create ${path}`,
    write: (writer) => writer.text(path).buffer(data).list(acl, writeAcl).int(flags),
    read: (answer) => answer.text(),
  };
}

/** @param version the only one that is written over; -1 for any */
export function setData(path: string, data: Uint8Array, version: number): NodeRequest<void> {
  return {
    op: ops.setData,
    what: `write ${path}`,
    write: (writer) => writer.text(path).buffer(data).int(version),
    read: () => undefined,
  };
}

/** @param version the only one that is taken away; -1 for any */
export function deleteNode(path: string, version: number): NodeRequest<void> {
  return {
    op: ops.delete,
    what: `delete ${path}`,
    write: (writer) => writer.text(path).int(version),
    read: () => undefined,
  };
}

/** Answered when the server has seen what the leader had when it was asked. */
export function syncWithLeader(path: string): NodeRequest<void> {
  return {
    op: ops.sync,
    what: `sync ${path}`,
    write: (writer) => writer.text(path),
    read: () => undefined,
  };
}
