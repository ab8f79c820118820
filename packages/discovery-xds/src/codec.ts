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
