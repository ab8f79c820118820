import type { Clock } from "../clock.ts";
import type { BodyReader } from "./answer-body.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";
import { PacedReading } from "./paced-reading.ts";
import type { Flow } from "./paced-reading.ts";
import type { Reading } from "./reading.ts";
import type { ListReader } from "./registry-http.ts";
import type { SourceError } from "./source-error.ts";

/** What the reading of a list is made of. */
export interface ListedElementsParts {
  readonly reader: ListReader;
  readonly flow: Flow;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly reading: Reading;
  readonly dataError: (reason: string) => SourceError;
}

/** Reads the elements of a JSON array as they come, in slices. */
export class ListedElements implements BodyReader {
  readonly #parts: ListedElementsParts;
  readonly #paced: PacedReading;
  #size = 0;

  constructor(parts: ListedElementsParts) {
    const { clock, dataError, flow, reader, reading } = parts;
    const splitter = new JsonArraySplitter(reader, dataError);
    this.#parts = parts;
    this.#paced = new PacedReading({
      flow,
      clock,
      reading,
      piece: (bytes) => {
        splitter.add(bytes);
      },
      end: () => {
        splitter.end();
        reading.done("");
      },
    });
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
