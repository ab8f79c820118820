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
  /** Two readers never ask the source at a time. */
  #pulling: Promise<void> | undefined;

  constructor(source: AsyncIterator<Uint8Array>, keptBytes: number) {
    this.#source = source;
    this.#keptBytes = keptBytes;
  }

  /** Whether everything that was read of it is still here. */
  get isWhole(): boolean {
    return this.#dropped === 0 && this.#bytes <= this.#keptBytes;
  }

  /** Reads it from the beginning, or, where that is gone, from where it stands. */
  async *read(closeAfter: boolean): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let at = this.#dropped; ; at++) {
        // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
        const chunk = await this.#at(at);
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
    this.#isEnded = true;
    // The caller's iterator may throw here, and there is nobody left who could be told.
    const ended = async (): Promise<void> => {
      await this.#pulling?.catch(() => {});
      await this.#source.return?.();
    };
    ended().catch(() => {});
  }

  async #at(index: number): Promise<Uint8Array | undefined> {
    while (index >= this.#dropped + this.#chunks.length) {
      if (this.failure !== undefined) throw this.failure;
      if (this.#isEnded) return undefined;
      this.#pulling ??= this.#pull();
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
      await this.#pulling;
    }
    const chunk = this.#chunks[index - this.#dropped];
    if (this.#bytes > this.#keptBytes) {
      // Too much to be kept: from here on each piece is let go of as soon as it is on its way.
      this.#dropped += this.#chunks.length;
      this.#chunks.length = 0;
    }
    return chunk;
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
