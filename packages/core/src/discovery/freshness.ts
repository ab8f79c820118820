import type { Clock } from "../clock.ts";
import { Alarm } from "./alarm.ts";
import type { DiscoveryError } from "./source.ts";
import { Trouble } from "./trouble.ts";

/** How well what is known is founded: who confirmed it, when, and what has been wrong since. */
export class Freshness {
  readonly #clock: Clock;
  readonly #maxStaleMs: number;
  readonly #expired: (error: DiscoveryError) => void;
  readonly #trouble = new Trouble();
  readonly #alarm: Alarm;
  #aliveAt = -Infinity;
  #isFromDisk = false;

  /**
   * @param maxStaleMs how long endpoints are served that nobody confirms
   * @param expired called when that is over
   */
  constructor(clock: Clock, maxStaleMs: number, expired: (error: DiscoveryError) => void) {
    this.#clock = clock;
    this.#maxStaleMs = maxStaleMs;
    this.#expired = expired;
    this.#alarm = new Alarm(clock, () => {
      this.watch();
    });
  }

  /** The latest error; `undefined` while the source is well. */
  get error(): DiscoveryError | undefined {
    return this.#trouble.error;
  }

  /** When the present trouble began. */
  get troubledSince(): number {
    return this.#trouble.since;
  }

  /** When the source last confirmed what is known. */
  get aliveAt(): number {
    return this.#aliveAt;
  }

  /** What is known is from a disk, or some of it: the source has not said with authority what there is. */
  get isFromDisk(): boolean {
    return this.#isFromDisk;
  }

  get isStale(): boolean {
    return this.#isFromDisk || this.#trouble.error !== undefined;
  }

  /** The source confirmed something. Knowledge does not get older by asking somebody worse informed. */
  confirmed(ageMs: number): void {
    this.#aliveAt = Math.max(this.#aliveAt, this.#clock.now() - ageMs);
  }

  /** What is known comes from a disk, or some of it, and that is so old. */
  restored(ageMs: number): void {
    this.#isFromDisk = true;
    this.confirmed(ageMs);
  }

  /** What is known comes from the source. */
  live(): void {
    this.#isFromDisk = false;
  }

  /** Notes trouble. @returns whether it is to be said */
  suffer(error: DiscoveryError): boolean {
    return this.#trouble.begin(error, this.#clock.now());
  }

  /** Notes that the source is well. @returns how long it was not, in milliseconds, when that is to be said */
  recover(): number | undefined {
    if (!this.#isFromDisk) this.#alarm.clear();
    return this.#trouble.end(this.#clock.now());
  }

  /** Something is served that is stale: sees to it that it is not served for too long. */
  watch(): void {
    if (this.#maxStaleMs === Infinity) return;
    const left = this.#aliveAt + this.#maxStaleMs - this.#clock.now();
    if (left > 0) {
      this.#alarm.set(left);
      return;
    }
    const last = this.#trouble.error;
    const message = `not confirmed for ${this.#maxStaleMs} ms, last error: ${last?.message ?? "none"}`;
    this.#expired({ ...last, class: last?.class ?? "transient", message });
  }

  /** Nothing is served any more. */
  forget(): void {
    this.#alarm.clear();
    this.#isFromDisk = false;
  }
}
