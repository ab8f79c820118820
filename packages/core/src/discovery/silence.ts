import type { Clock } from "../clock.ts";
import { Alarm } from "./alarm.ts";

/** After so many times the promised interval the source is asked; after as many and one more it is given up. */
const PATIENCE = 2;

/**
 * Watches whether a source that promised to speak every so often does. It asks first: a process that stood still for a
 * while finds its own timers late and the answers waiting, and must not take that for silence.
 */
export class Silence {
  readonly #everyMs: number;
  readonly #alarm: Alarm;
  #wasAsked = false;

  /**
   * @param everyMs what the source promised, in milliseconds; `Infinity` turns this off
   * @param ask called after twice that
   * @param broken called after three times that
   */
  constructor(clock: Clock, everyMs: number, ask: () => void, broken: () => void) {
    this.#everyMs = everyMs;
    this.#alarm = new Alarm(clock, () => {
      if (this.#wasAsked) {
        broken();
        return;
      }
      this.#wasAsked = true;
      this.#alarm.set(this.#everyMs);
      ask();
    });
  }

  /** The source said something, or was opened. */
  heard(): void {
    if (this.#everyMs === Infinity) return;
    this.#wasAsked = false;
    this.#alarm.set(this.#everyMs * PATIENCE);
  }

  stop(): void {
    this.#alarm.clear();
  }
}
