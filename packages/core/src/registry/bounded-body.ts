import type { Clock } from "../clock.ts";
import type { BodyReader } from "./answer-body.ts";
import { PacedReading } from "./paced-reading.ts";
import type { Flow } from "./paced-reading.ts";
import type { Reading } from "./reading.ts";
import type { SourceError } from "./source-error.ts";

/** What the reading of a body within bounds is made of. */
export interface BodyParts {
  readonly flow: Flow;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly reading: Reading;
  readonly dataError: (reason: string) => SourceError;
}

/** Reads a body in slices, as long as it is no longer than it may be. */
export class BoundedBody implements BodyReader {
  readonly #parts: BodyParts;
  readonly #paced: PacedReading;
  #size = 0;

  /** @param by reads the pieces, and hears when there are no more */
  constructor(parts: BodyParts, by: { readonly piece: (bytes: Buffer) => void; readonly end: () => void }) {
    const { clock, flow, reading } = parts;
    this.#parts = parts;
    this.#paced = new PacedReading({ flow, clock, reading, ...by });
  }

  data(chunk: Buffer): void {
    const { dataError, maxBytes, reading } = this.#parts;
    if (reading.isOver()) return;
    this.#size += chunk.length;
    if (this.#size > maxBytes) reading.fail(dataError(`the answer is longer than ${maxBytes} bytes`));
    else this.#paced.add(chunk);
  }

  end(): void {
    this.#paced.end();
  }
}
