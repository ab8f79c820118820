import { SourceError } from "@proxyless/core/discovery";

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
    if (this.#size < this.#needed) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#size);
    let at = 0;
    this.#needed = 4;
    while (bytes.length - at >= this.#needed) {
      const length = bytes.readInt32BE(at);
      if (length < 0 || length > this.#maxBytes) {
        throw new SourceError(
          "data",
          `an answer of ${length} bytes: no ZooKeeper, or more than ${this.#maxBytes}`,
        );
      }
      this.#needed = length + 4;
      if (bytes.length - at < this.#needed) break;
      const from = at + 4;
      at += this.#needed;
      this.#needed = 4;
      onFrame(bytes.subarray(from, at));
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#size = bytes.length - at;
  }
}
