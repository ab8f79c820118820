import { SourceError } from "@proxyless/core/discovery";

/**
 * Reads values the way ZooKeeper's record format (jute) has them. The bytes are somebody else's: no length is believed
 * before the bytes are there. Throws a `data` {@link SourceError} where they end too early or make no sense.
 */
export class JuteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How many bytes were not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The bytes that were not read yet, which are no copy. */
  get rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** Leaves out so many bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  long(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  bool(): boolean {
    const value = this.#bytes.readUInt8(this.#take(1));
    if (value > 1) throw nonsense(`a truth value of ${value}`);
    return value === 1;
  }

  /** A buffer; a length of -1 is none, which is read as empty. */
  buffer(): Buffer {
    const length = this.int();
    if (length === -1) return this.#bytes.subarray(0, 0);
    if (length < 0) throw nonsense(`a length of ${length}`);
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(): string {
    return this.buffer().toString("utf8");
  }

  /** How many entries of at least `leastBytes` bytes follow; a count of -1 is no list, which is read as an empty one. */
  count(leastBytes: number): number {
    const count = this.int();
    if (count === -1) return 0;
    if (count < 0 || count * leastBytes > this.left)
      throw nonsense(`a list of ${count} in ${this.left} bytes`);
    return count;
  }

  /** A list of entries of at least `leastBytes` bytes each, so that a count that cannot be true is refused at once. */
  list<T>(leastBytes: number, read: (reader: this) => T): T[] {
    const count = this.count(leastBytes);
    const values: T[] = [];
    for (let i = 0; i < count; i++) values.push(read(this));
    return values;
  }

  #take(length: number): number {
    if (length > this.left) throw nonsense(`${length} bytes where ${this.left} are left`);
    const from = this.#at;
    this.#at += length;
    return from;
  }
}

/** What is thrown for bytes that are no record. */
export function nonsense(what: string): SourceError {
  return new SourceError("data", `the answer makes no sense: ${what}`);
}
