import type { Sliceable } from "@proxyless/core/discovery";
import protobuf from "protobufjs/light.js";

import { messageTable, oneofs } from "./descriptor.ts";
import type { FieldRow } from "./descriptor.ts";
import type { Messages } from "./messages.ts";

type Json = protobuf.INamespace["nested"];

/** Reads and writes one kind of message. */
export interface Codec<T> {
  /** @throws Error for bytes that are no such message */
  decode(bytes: Uint8Array): T;
  encode(message: T): Buffer;
}

const root = protobuf.Root.fromJSON({ nested: { xds: { edition: "proto3", nested: nested() } } });
const codecs = new Map<string, Codec<unknown>>();
const prepared = new Set<protobuf.Type>();

/** The codec of a message; unknown fields are skipped when it reads, absent ones are `undefined`, `null` or empty. */
export function codecOf<K extends keyof Messages>(name: K): Codec<Messages[K]> {
  const known = codecs.get(name);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- a codec is kept under the name of what it reads
  if (known !== undefined) return known as Codec<Messages[K]>;
  const type = root.lookupType(`xds.${name}`);
  const made: Codec<Messages[K]> = {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the descriptor of that name says the same as the interface
    decode: (bytes) => type.decode(bytes) as unknown as Messages[K],
    encode: (message) => Buffer.from(type.encode(message).finish()),
  };
  codecs.set(name, made);
  return made;
}

/** Makes ready what reads and writes these messages and all that stands in them, which else is done when the first one comes. */
export function* prepareCodecs(names: readonly (keyof Messages)[]): Sliceable<void> {
  for (const name of names) yield* prepare(root.lookupType(`xds.${name}`));
}

function* prepare(type: protobuf.Type): Sliceable<void> {
  if (prepared.has(type)) return;
  prepared.add(type);
  type.setup();
  yield;
  for (const { resolvedType } of type.fieldsArray) {
    if (resolvedType instanceof protobuf.Type) yield* prepare(resolvedType);
  }
}

function nested(): NonNullable<Json> {
  return Object.fromEntries(
    Object.entries(messageTable).map(([name, fields]) => [
      name,
      {
        fields: Object.fromEntries(Object.entries(fields).map(([key, row]) => [key, fieldOf(row)])),
        ...(oneofs[name] === undefined ? {} : { oneofs: { kind: { oneof: [...oneofs[name]] } } }),
      },
    ]),
  );
}

function fieldOf([id, type, rule]: FieldRow): protobuf.IField | protobuf.IMapField {
  if (rule === "map") return { keyType: "string", type, id };
  return { type, id, ...(rule === undefined ? {} : { rule }) };
}
