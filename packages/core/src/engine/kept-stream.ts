/**
 * A stream of the caller that is read once, and as often as need be from what was kept of it. Only what the caller's iterator throws
 * is the caller's fault: a dying socket destroys the stream around it as well.
 */
export class KeptStream {
  /** What the caller's iterator threw. */
  failure: Error | undefined = undefined;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #keptBytes: number;
  readonly #chunks: Uint8Array[] = [];
  /** How many chunks came before the first that is kept. */
  #dropped = 0;
  #bytes = 0;
  #isEnded = false;
  #isClosed = false;
  /** Counts the readers: only the last one is served. One that was given up may still be waiting, and must not take anything. */
  #readers = 0;
  /** Two readers never ask the source at a time. */
  #pulling: Promise<void> | undefined;

  constructor(source: AsyncIterator<Uint8Array>, keptBytes: number) {
    this.#source = source;
    this.#keptBytes = keptBytes;
  }

  /** Whether everything that was read of it is still here. */
  get isWhole(): boolean {
    return this.#dropped === 0;
  }

  /**
   * Reads it from the beginning. Throws where the beginning is gone: half a body must never look like a whole one.
   * @param closeAfter nobody will read it again
   */
  async *read(closeAfter: boolean): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = ++this.#readers;
    try {
      for (let at = 0; ; at++) {
        // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
        const chunk = await this.#at(at, reader);
        if (chunk === undefined) return;
        yield chunk;
      }
    } finally {
      if (closeAfter) this.close();
    }
  }

  /** Tells the source that nobody will read on. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isEnded) return;
    // The caller's iterator may throw here, and there is nobody left who could be told.
    const ended = async (): Promise<void> => {
      await this.#pulling?.catch(() => {});
      await this.#source.return?.();
    };
    ended().catch(() => {});
  }

  async #at(index: number, reader: number): Promise<Uint8Array | undefined> {
    for (;;) {
      if (reader !== this.#readers) throw new Error("the body is read by another attempt");
      if (index < this.#dropped) throw new Error("the beginning of the body is gone");
      const chunk = this.#chunks[index - this.#dropped];
      if (chunk !== undefined) {
        // Too much to be kept: from here on each piece is let go of as soon as it is on its way.
        if (this.#bytes > this.#keptBytes)
          this.#dropped += this.#chunks.splice(0, index - this.#dropped + 1).length;
        return chunk;
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.#isEnded) return undefined;
      if (this.#isClosed) throw new Error("the call is over");
      this.#pulling ??= this.#pull();
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
      await this.#pulling;
    }
  }

  async #pull(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.#isEnded = true;
      else {
        this.#chunks.push(value);
        this.#bytes += value.byteLength;
      }
    } catch (error) {
      this.#isEnded = true;
      this.failure = error instanceof Error ? error : new Error("the body failed", { cause: error });
    } finally {
      this.#pulling = undefined;
    }
  }
}
