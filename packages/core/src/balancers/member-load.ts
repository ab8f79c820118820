import { LOGGED, PENDING, STRIDE } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";

/**
 * How many requests some of a service's endpoints have in flight together. Follows the table's log from count to count, so that a
 * count costs what has happened since the last one; counts them all only where that is more than the log remembers.
 */
export class MemberLoad {
  readonly #offsets: Int32Array;
  readonly #table: LoadTable;
  /** 1 at the rows of those that count. */
  readonly #isMember: Uint8Array;
  #sum = 0;
  /** The table's turn that the sum holds for. */
  #turn = -LOGGED;

  /** @param offsets of the endpoints that count, which keep their rows as long as this is used */
  constructor(offsets: Int32Array, table: LoadTable) {
    this.#offsets = offsets;
    this.#table = table;
    let last = 0;
    for (const offset of offsets) last = Math.max(last, offset);
    this.#isMember = new Uint8Array(last / STRIDE + 1);
    for (const offset of offsets) this.#isMember[offset / STRIDE] = 1;
  }

  count(): number {
    const { data, log, turns } = this.#table;
    if (turns - this.#turn >= LOGGED) {
      this.#sum = 0;
      for (const offset of this.#offsets) this.#sum += data[offset + PENDING]!;
    } else {
      for (let turn = this.#turn; turn < turns; turn++) {
        const entry = log[turn % LOGGED]!;
        const isStart = entry >= 0;
        const row = (isStart ? entry : ~entry) / STRIDE;
        if (this.#isMember[row] === 1) this.#sum += isStart ? 1 : -1;
      }
    }
    this.#turn = turns;
    return this.#sum;
  }
}
