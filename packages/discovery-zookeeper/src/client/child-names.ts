import type { Sliceable } from "@proxyless/core/discovery";

import { nonsense } from "./jute-reader.ts";
import type { JuteReader } from "./jute-reader.ts";
import { readStat } from "./protocol.ts";
import type { Stat } from "./protocol.ts";

/** What one list has that the one before had not, and the other way round. */
export interface NamesChange {
  readonly came: readonly string[];
  readonly went: readonly string[];
  /** None where there is no node. */
  readonly stat: Stat | undefined;
}

/** As many names as are looked at by themselves in one piece. */
const PIECE = 128;
/** So many names are compared at once where many were the same. */
const LONGEST_RUN = 1024;
/** So far a name is looked for that is not where it was: what stood before it went. */
const REACH = 16;

const noBytes = Buffer.alloc(0);

/**
 * The names below a node, as its answers list them. ZooKeeper lists all of them after every change, nearly in the order of the list
 * before: so the bytes are compared with those, and only the names that differ are read.
 */
export class ChildNames {
  /** The names of the last list, each with its length in front, and where each begins and the last one ends. */
  #bytes: Buffer = noBytes;
  #starts: Int32Array = new Int32Array(1);

  /**
   * Takes the next list.
   * @param answer none where there is no node
   * @param isListed whether a name was in the list before
   * @throws SourceError of class `data` for bytes that are no list; the one before holds on then
   */
  *take(answer: JuteReader | undefined, isListed: (name: string) => boolean): Sliceable<NamesChange> {
    const count = answer?.count(4) ?? 0;
    const bytes = answer?.rest ?? noBytes;
    const comparison = new Comparison(bytes, count, this.#bytes, this.#starts, isListed);
    yield* comparison.run();
    answer?.skip(comparison.size);
    const stat = answer === undefined ? undefined : readStat(answer);
    // A copy: what was cut out of an answer keeps the whole of it.
    this.#bytes = Buffer.from(bytes.subarray(0, comparison.size));
    this.#starts = comparison.starts;
    return { came: comparison.came, went: comparison.went, stat };
  }
}

/** One list beside the one before. */
class Comparison {
  readonly #bytes: Buffer;
  readonly #count: number;
  readonly #before: Buffer;
  readonly #startsBefore: Int32Array;
  readonly #countBefore: number;
  readonly #isListed: (name: string) => boolean;
  readonly starts: Int32Array;
  readonly came: string[] = [];
  /** Known names that stand elsewhere. */
  readonly #moved = new Set<string>();
  readonly #passed: string[] = [];
  /** Where it stands in the one list and in the other. */
  #next = 0;
  #nextBefore = 0;

  constructor(
    bytes: Buffer,
    count: number,
    before: Buffer,
    startsBefore: Int32Array,
    isListed: (name: string) => boolean,
  ) {
    this.#bytes = bytes;
    this.#count = count;
    this.#before = before;
    this.#startsBefore = startsBefore;
    this.#countBefore = startsBefore.length - 1;
    this.#isListed = isListed;
    this.starts = new Int32Array(count + 1);
  }

  /** How many bytes the names are. */
  get size(): number {
    return this.starts[this.#count]!;
  }

  get went(): readonly string[] {
    return this.#passed.filter((name) => !this.#moved.has(name));
  }

  *run(): Sliceable<void> {
    let run = LONGEST_RUN;
    for (let step = 0; this.#next < this.#count; step++) {
      if (step % PIECE === PIECE - 1) yield;
      const most = Math.min(run, this.#count - this.#next, this.#countBefore - this.#nextBefore);
      if (most > 0 && this.#isRun(most)) {
        this.#followRun(most);
        run = Math.min(run * 2, LONGEST_RUN);
      } else if (most > 1) run = most >> 1;
      else {
        this.#read();
        run = 1;
      }
    }
    this.#pass(this.#countBefore);
    yield;
  }

  /** Whether the next names are those that came next in the list before. */
  #isRun(length: number): boolean {
    const from = this.#startsBefore[this.#nextBefore]!;
    const to = this.#startsBefore[this.#nextBefore + length]!;
    const start = this.starts[this.#next]!;
    const end = start + to - from;
    return end <= this.#bytes.length && this.#bytes.compare(this.#before, from, to, start, end) === 0;
  }

  #followRun(length: number): void {
    const shift = this.starts[this.#next]! - this.#startsBefore[this.#nextBefore]!;
    for (let i = 0; i < length; i++) {
      this.starts[++this.#next] = this.#startsBefore[++this.#nextBefore]! + shift;
    }
  }

  /** Reads a name that is another one than the next of the list before. */
  #read(): void {
    const start = this.starts[this.#next]!;
    const name = nameAt(this.#bytes, start);
    const end = start + lengthAt(this.#bytes, start);
    if (!this.#isListed(name)) this.came.push(name);
    else if (!this.#passTo(start, end)) this.#moved.add(name);
    this.starts[++this.#next] = end;
  }

  /** Whether a name comes soon in the list before; then that one goes on behind it. */
  #passTo(start: number, end: number): boolean {
    const last = Math.min(this.#nextBefore + REACH, this.#countBefore - 1);
    for (let place = this.#nextBefore + 1; place <= last; place++) {
      const from = this.#startsBefore[place]!;
      const to = this.#startsBefore[place + 1]!;
      if (to - from !== end - start || this.#bytes.compare(this.#before, from, to, start, end) !== 0)
        continue;
      this.#pass(place);
      this.#nextBefore++;
      return true;
    }
    return false;
  }

  /** What stands before a place of the list before is not here. */
  #pass(place: number): void {
    for (; this.#nextBefore < place; this.#nextBefore++) {
      this.#passed.push(nameAt(this.#before, this.#startsBefore[this.#nextBefore]!));
    }
  }
}

/** How many bytes a name takes, its length included. */
function lengthAt(bytes: Buffer, at: number): number {
  const left = bytes.length - at;
  if (left < 4) throw nonsense(`a name in ${left} bytes`);
  const length = bytes.readInt32BE(at);
  // No text is read as an empty one.
  if (length === -1) return 4;
  if (length < 0 || length > left - 4) throw nonsense(`a name of ${length} bytes where ${left - 4} are left`);
  return length + 4;
}

function nameAt(bytes: Buffer, at: number): string {
  return bytes.toString("utf8", at + 4, at + lengthAt(bytes, at));
}
