/**
 * Writes values the way ZooKeeper's record format (jute) has them: big-endian numbers, buffers and texts with their length
 * in front, lists with their count in front.
 */
export class JuteWriter {
  #bytes: Buffer;
  #size = 0;

  constructor(expectedBytes = 128) {
    this.#bytes = Buffer.allocUnsafe(Math.max(16, expectedBytes));
  }

  int(value: number): this {
    this.#reserve(4);
    this.#size = this.#bytes.writeInt32BE(value, this.#size);
    return this;
  }

  long(value: bigint): this {
    this.#reserve(8);
    this.#size = this.#bytes.writeBigInt64BE(value, this.#size);
    return this;
  }

  bool(value: boolean): this {
    this.#reserve(1);
    this.#size = this.#bytes.writeUInt8(value ? 1 : 0, this.#size);
    return this;
  }

  buffer(value: Uint8Array): this {
    this.int(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#size);
    this.#size += value.length;
    return this;
  }

  text(value: string): this {
    return this.buffer(Buffer.from(value, "utf8"));
  }

  list<T>(values: readonly T[], write: (writer: this, value: T) => void): this {
    this.int(values.length);
    for (const value of values) write(this, value);
    return this;
  }

  /** What was written. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  /** What was written, as a frame: with its length in front. */
  frame(): Buffer {
    const frame = Buffer.allocUnsafe(this.#size + 4);
    frame.writeInt32BE(this.#size, 0);
    frame.set(this.bytes(), 4);
    return frame;
  }

  #reserve(more: number): void {
    const needed = this.#size + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.bytes());
    this.#bytes = grown;
  }
}
