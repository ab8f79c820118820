import { SourceError } from "@proxyless/core/discovery";

const empty = Buffer.alloc(0);

/** Cuts a byte stream into frames: four bytes of length, then so many bytes. */
export class FrameSplitter {
  readonly #maxBytes: number;
  /** What came and is no whole frame yet. */
  #chunks: Buffer[] = [];
  #size = 0;
  /** How many bytes the frame that is being collected needs, its length included. */
  #needed = 4;

  /** @param maxBytes the longest frame that is read */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next bytes and calls back with every frame that they complete.
   * @throws SourceError of class `data` for a length that no ZooKeeper would send
   */
  add(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // Joined only when a frame is whole: one that comes in a thousand pieces is copied once.
    while (this.#size >= this.#needed) {
      const bytes = this.#join();
      const length = bytes.readInt32BE(0);
      if (length < 0 || length > this.#maxBytes) {
        throw new SourceError(
          "data",
          `an answer of ${length} bytes: no ZooKeeper, or more than ${this.#maxBytes}`,
        );
      }
      this.#needed = length + 4;
      if (bytes.length < this.#needed) return;
      this.#keep(bytes.subarray(this.#needed));
      this.#needed = 4;
      onFrame(bytes.subarray(4, length + 4));
    }
  }

  #join(): Buffer {
    const [first = empty] = this.#chunks;
    const bytes = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#size);
    this.#keep(bytes);
    return bytes;
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }
}
