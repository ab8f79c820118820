import { SourceError } from "./source-error.ts";

const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines, wherever the chunks were cut: also inside a character. Empty lines are left out.
 * A line longer than the bound is a `data` error before it is held in memory.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Hands each line that `chunk` completes to `each`, as text without its end. */
  add(chunk: Buffer, each: (line: string) => void): void {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      this.#keep(chunk.subarray(from, end));
      const line = Buffer.concat(this.#parts).toString("utf8").trim();
      this.#parts = [];
      this.#size = 0;
      from = end + 1;
      if (line !== "") each(line);
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.#maxBytes) {
      throw new SourceError("data", `a line of the stream is longer than ${this.#maxBytes} bytes`);
    }
    this.#parts.push(part);
  }
}
