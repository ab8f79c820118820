import { Pacer } from "@proxyless/core/discovery";

/**
 * Keeps a long poll whose answers never stop coming from becoming a hot loop, without making anyone wait for a change
 * that comes after a pause. Three token buckets: two queries may follow each other at once and then one every 20 ms;
 * of queries whose answers differ, 200 in a row and then two a second; of queries whose answers do not differ (the
 * index moves for another service), 20 in a row and then one in five seconds.
 */
export class AnswerPacer {
  readonly #quick = new Pacer(2, 20);
  readonly #changed = new Pacer(200, 500);
  readonly #unchanged = new Pacer(20, 5000);

  /** Takes a token for the query after an answer; tells how many milliseconds to wait before it. */
  next(now: number, changed: boolean): number {
    const lasting = changed ? this.#changed : this.#unchanged;
    return Math.max(this.#quick.take(now), lasting.take(now));
  }
}
