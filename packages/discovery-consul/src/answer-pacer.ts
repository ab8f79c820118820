import { Pacer } from "@proxyless/core/discovery";

/** So many bytes may be read at once, and so many in a millisecond that lasts; reading them takes a few percent of a core. */
const burstBytes = 1024 * 1024;
const bytesPerMs = 4 * 1024;
/** Nobody waits longer, whatever came. */
const longestMs = 5000;

/**
 * Keeps a long poll whose answers never stop coming from becoming a hot loop, without making anyone wait for a change
 * that comes after a pause. Four token buckets: two queries may follow each other at once and then one every 20 ms;
 * of queries whose answers differ, 200 in a row and then two a second; of queries whose answers do not differ (the
 * index moves for another service), 20 in a row and then one in five seconds; and of all answers together 1 MiB and then
 * 4 MiB a second, so that ten thousand instances are read every other second while fewer than a thousand never wait for it.
 */
export class AnswerPacer {
  readonly #quick = new Pacer(2, 20);
  readonly #changed = new Pacer(200, 500);
  readonly #unchanged = new Pacer(20, 5000);
  readonly #long = new Pacer(burstBytes, 1 / bytesPerMs);

  /** Takes tokens for the query after an answer of so many bytes; tells how many milliseconds to wait before it. */
  next(now: number, changed: boolean, bytes: number): number {
    const lasting = changed ? this.#changed : this.#unchanged;
    const waits = [this.#quick.take(now), lasting.take(now), this.#long.take(now, bytes)];
    return Math.min(longestMs, Math.max(...waits));
  }
}
