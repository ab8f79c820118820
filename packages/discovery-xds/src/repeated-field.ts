import protobuf from "protobufjs/light.js";

const { Reader } = protobuf;
const lengthDelimited = 2;

/**
 * Goes through a field of a message that is repeated, element by element, where it is too long to be read at once. What else
 * stands in the message is put aside.
 */
export class RepeatedField {
  readonly #bytes: Uint8Array;
  readonly #reader: protobuf.Reader;
  readonly #tag: number;
  readonly #rest: Uint8Array[] = [];
  #from = 0;

  /** @param id the number of the field, whose elements are messages, texts or bytes */
  constructor(bytes: Uint8Array, id: number) {
    this.#bytes = bytes;
    this.#reader = Reader.create(bytes);
    this.#tag = id * 8 + lengthDelimited;
  }

  /** Where the element begins that {@link next} went to. */
  get from(): number {
    return this.#from;
  }

  /** Where it ends. */
  get to(): number {
    return this.#reader.pos;
  }

  /**
   * Goes to the next element. @returns false when there is none
   * @throws Error for bytes that are no message
   */
  next(): boolean {
    const reader = this.#reader;
    while (reader.pos < reader.len) {
      const begin = reader.pos;
      const tag = reader.tag();
      if (tag === this.#tag) {
        const length = reader.size();
        this.#from = reader.pos;
        reader.skip(length);
        return true;
      }
      reader.skipType(tag & 7, 0, tag >>> 3);
      this.#rest.push(this.#bytes.subarray(begin, reader.pos));
    }
    return false;
  }

  /** After the last element: the message without the field. */
  rest(): Uint8Array {
    return Buffer.concat(this.#rest);
  }
}
