import type { Clock } from "../clock.ts";
import { SLICE_MS } from "../discovery/slices.ts";
import type { Reading } from "./reading.ts";

/** So much of a turn is always enough, also by a clock that stands still while code runs. */
const sliceBytes = 256 * 1024;
/** After so much the clock is looked at. */
const pieceBytes = 16 * 1024;

/** What a body is read out of: it stops when a turn has had enough. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/** What reading in turns is made of. */
export interface PacedReadingParts {
  readonly flow: Flow;
  readonly clock: Clock;
  readonly reading: Reading;
  /** Reads a piece. What it throws is what the reading fails with. */
  readonly piece: (bytes: Buffer) => void;
  /** Everything was read. */
  readonly end: () => void;
}

/**
 * Reads a body in slices: what would take longer than a few milliseconds goes on in the next turn of the event loop, and nothing more
 * is taken from the socket until then.
 */
export class PacedReading {
  readonly #parts: PacedReadingParts;
  readonly #waiting: Buffer[] = [];
  #hasEnded = false;
  #isDone = false;
  /** The turn that has read something is not over; when its reading began, and how much it was. */
  #isInTurn = false;
  #began = 0;
  #readInTurn = 0;

  constructor(parts: PacedReadingParts) {
    this.#parts = parts;
  }

  add(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#read();
  }

  end(): void {
    this.#hasEnded = true;
    this.#read();
  }

  /** Reads what has come, as far as this turn allows. */
  #read(): void {
    const { clock, end, flow, reading } = this.#parts;
    if (!this.#isInTurn) this.#beginTurn();
    try {
      while (this.#waiting.length > 0 && !reading.isOver()) {
        if (this.#readInTurn >= sliceBytes || clock.now() - this.#began >= SLICE_MS) {
          flow.pause();
          return;
        }
        this.#readPiece();
      }
      // Whoever takes the whole has a turn of its own for it, unless it is short.
      if (!this.#hasEnded || this.#readInTurn > pieceBytes || reading.isOver()) return;
      this.#isDone = true;
      end();
    } catch (error) {
      reading.fail(error);
    }
  }

  #beginTurn(): void {
    const { clock, flow, reading } = this.#parts;
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

  #readPiece(): void {
    const [chunk] = this.#waiting;
    if (chunk === undefined) return;
    const bytes = chunk.subarray(0, pieceBytes);
    if (bytes.length === chunk.length) this.#waiting.shift();
    else this.#waiting[0] = chunk.subarray(pieceBytes);
    this.#readInTurn += bytes.length;
    this.#parts.piece(bytes);
  }
}
