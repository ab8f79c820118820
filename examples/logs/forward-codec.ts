import { ExtensionCodec, decodeMultiStream, encode } from "@msgpack/msgpack";

/** One record, as Fluentd has it: when, and what. */
export interface ForwardEntry {
  readonly tag: string;
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Fluentd's time with nanoseconds: extension 0 of MessagePack, eight bytes. */
class EventTime {
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  static encode(this: void, value: unknown): Uint8Array | null {
    if (!(value instanceof EventTime)) return null;
    const bytes = Buffer.alloc(8);
    const seconds = Math.floor(value.#ms / 1000);
    bytes.writeUInt32BE(seconds, 0);
    bytes.writeUInt32BE(Math.round((value.#ms - seconds * 1000) * 1_000_000), 4);
    return bytes;
  }
}

const extensionCodec = new ExtensionCodec();
extensionCodec.register({ type: 0, encode: EventTime.encode, decode: () => null });

/** A message of the mode "Forward": entries of one tag. The server acknowledges `chunk` when it has them all. */
export function encodeForward(tag: string, entries: readonly ForwardEntry[], chunk: string): Uint8Array {
  const pairs = entries.map(({ record, timeMs }) => [new EventTime(timeMs), record]);
  const message = [tag, pairs, { chunk, size: entries.length }];
  return encode(message, { extensionCodec, ignoreUndefined: true });
}

/** The chunks that a server acknowledges. */
export async function* readAcks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const answer of decodeMultiStream(bytes)) {
    if (typeof answer === "object" && answer !== null && "ack" in answer && typeof answer.ack === "string") {
      yield answer.ack;
    }
  }
}
