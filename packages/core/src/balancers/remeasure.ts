import { FRESH_UNTIL, PENDING } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Cost } from "./cost.ts";

/** So long after one forced pick there is no other, over all endpoints of a service, in milliseconds. */
const PAUSE_MS = 500;
/** And there are so many picks between them, or where traffic is thin, and nobody ever fresh, each would be forced. */
const PAUSE_PICKS = 16;

/**
 * When an endpoint that lost is picked all the same: when nothing was heard of it for three seconds, because what is known of it may
 * be long past (Kratos' and go-zero's forced pick, which do so without a limit).
 */
export class Remeasure {
  readonly #table: LoadTable;
  readonly #isOn: boolean;
  /** Picks since the last forced one; the first need not wait. */
  #picks = PAUSE_PICKS;

  constructor(table: LoadTable, { remembers }: Cost) {
    this.#table = table;
    this.#isOn = remembers;
  }

  /** Counts a pick, and says whether the endpoint that lost it is to be taken. */
  isDue(offset: number, now: number): boolean {
    if (!this.#isOn || ++this.#picks < PAUSE_PICKS) return false;
    const table = this.#table;
    const { data } = table;
    if (now < data[offset + FRESH_UNTIL]! || data[offset + PENDING] !== 0) return false;
    if (now - table.remeasuredAt < PAUSE_MS || table.isClosed(offset)) return false;
    table.remeasuredAt = now;
    this.#picks = 0;
    return true;
  }
}
