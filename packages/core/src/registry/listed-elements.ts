import type { Clock } from "../clock.ts";
import type { BodyReader } from "./answer-body.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";
import type { Reading } from "./reading.ts";
import type { ListReader } from "./registry-http.ts";
import type { SourceError } from "./source-error.ts";

/** How long one turn of the event loop may read, in milliseconds: what else has to run then comes no later. */
const sliceMs = 2;
/** So much of a turn is always enough, also by a clock that stands still while code runs. */
const sliceBytes = 256 * 1024;
/** After so much the clock is looked at. */
const pieceBytes = 16 * 1024;

/** What a list is read out of: it stops when a turn has had enough. */
interface Flow {
  pause(): void;
  resume(): void;
}

/** What the reading of a list is made of. */
export interface ListedElementsParts {
  readonly reader: ListReader;
  readonly flow: Flow;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly reading: Reading;
  readonly dataError: (reason: string) => SourceError;
}

/**
 * Reads the elements of a JSON array as they come, in slices: what would take longer than a few milliseconds goes on in the
 * next turn of the event loop, and nothing more is taken from the socket until then.
 */
export class ListedElements implements BodyReader {
  readonly #parts: ListedElementsParts;
  readonly #splitter: JsonArraySplitter;
  readonly #waiting: Buffer[] = [];
  #size = 0;
  #hasEnded = false;
  #isDone = false;
  /** The turn that has read something is not over; when its reading began, and how much it was. */
  #isInTurn = false;
  #began = 0;
  #readInTurn = 0;

  constructor(parts: ListedElementsParts) {
    this.#parts = parts;
    this.#splitter = new JsonArraySplitter(parts.reader, parts.dataError);
  }

  data(chunk: Buffer): void {
    const { dataError, maxBytes, reading } = this.#parts;
    if (reading.isOver()) return;
    this.#size += chunk.length;
    if (this.#size > maxBytes) {
      reading.fail(dataError(`the answer is longer than ${maxBytes} bytes`));
      return;
    }
    this.#waiting.push(chunk);
    this.#read();
  }

  end(): void {
    this.#hasEnded = true;
    this.#read();
  }

  /** Reads what has come, as far as this turn allows. */
  #read(): void {
    const { clock, flow, reading } = this.#parts;
    if (!this.#isInTurn) {
      this.#isInTurn = true;
      this.#began = clock.now();
      this.#readInTurn = 0;
      setImmediate(() => {
        this.#isInTurn = false;
        if (reading.isOver()) return;
        flow.resume();
        if (this.#waiting.length > 0 || (this.#hasEnded && !this.#isDone)) this.#read();
      });
    }
    try {
      while (this.#waiting.length > 0 && !reading.isOver()) {
        if (this.#readInTurn >= sliceBytes || clock.now() - this.#began >= sliceMs) {
          flow.pause();
          return;
        }
        this.#readPiece();
      }
      // Whoever takes the list has a turn of its own for it.
      if (!this.#hasEnded || this.#readInTurn > 0 || reading.isOver()) return;
      this.#isDone = true;
      this.#splitter.end();
      reading.done("");
    } catch (error) {
      reading.fail(error);
    }
  }

  #readPiece(): void {
    const [chunk] = this.#waiting;
    if (chunk === undefined) return;
    const piece = chunk.subarray(0, pieceBytes);
    if (piece.length === chunk.length) this.#waiting.shift();
    else this.#waiting[0] = chunk.subarray(pieceBytes);
    this.#readInTurn += piece.length;
    this.#splitter.add(piece);
  }
}
