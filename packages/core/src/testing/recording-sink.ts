import assert from "node:assert/strict";

import { sleep, systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import type {
  DiscoveryError,
  DiscoveryNotice,
  DiscoverySource,
  Sink,
  Snapshot,
  WatchHandle,
} from "../discovery/source.ts";
import { systemRandom } from "../random.ts";

/** A watch of a source whose every word is written down. */
export class RecordingSink implements Sink {
  readonly snapshots: Snapshot[] = [];
  readonly errors: DiscoveryError[] = [];
  readonly notices: DiscoveryNotice[] = [];
  /** How often the source confirmed that nothing changed. */
  alives = 0;
  readonly handle: WatchHandle;
  /** Calls that came before `watch()` returned. */
  readonly early: number;
  /** Calls that came after `done` had settled. */
  late = 0;
  readonly #abort = new AbortController();
  #calls = 0;
  #done = false;

  constructor(source: DiscoverySource, service: string, clock: Clock = systemClock) {
    this.handle = source.watch({ service }, this, {
      signal: this.#abort.signal,
      clock,
      random: systemRandom,
    });
    this.early = this.#calls;
  }

  snapshot(snapshot: Snapshot): void {
    this.#call();
    this.snapshots.push(snapshot);
  }

  alive(): void {
    this.#call();
    this.alives++;
  }

  error(error: DiscoveryError): void {
    this.#call();
    this.errors.push(error);
  }

  notice(notice: DiscoveryNotice): void {
    this.#call();
    this.notices.push(notice);
  }

  /** How often the source said anything. */
  get calls(): number {
    return this.#calls;
  }

  /** Resolves with the first snapshot, past or future, that passes; asserts that it comes in time. */
  async until(test: (snapshot: Snapshot) => boolean, timeoutMs: number): Promise<Snapshot> {
    const end = systemClock.now() + timeoutMs;
    for (;;) {
      const found = this.snapshots.find(test);
      if (found !== undefined) return found;
      const last = this.errors.at(-1)?.message ?? "none";
      assert.ok(
        systemClock.now() < end,
        `no such snapshot within ${timeoutMs} ms; ${this.snapshots.length} others came, last error: ${last}`,
      );
      // eslint-disable-next-line no-await-in-loop -- it polls
      await sleep(systemClock, 5);
    }
  }

  /** Resolves with the first error, past or future; asserts that it comes in time. */
  async untilError(timeoutMs: number): Promise<DiscoveryError> {
    const end = systemClock.now() + timeoutMs;
    for (;;) {
      const [first] = this.errors;
      if (first !== undefined) return first;
      assert.ok(systemClock.now() < end, `no error within ${timeoutMs} ms`);
      // eslint-disable-next-line no-await-in-loop -- it polls
      await sleep(systemClock, 5);
    }
  }

  /** Aborts the watch and asserts that `done` settles in time. */
  async abort(timeoutMs: number): Promise<void> {
    this.#abort.abort();
    const late = new AbortController();
    const timeout = async (): Promise<never> => {
      await sleep(systemClock, timeoutMs, late.signal);
      throw new assert.AssertionError({ message: `done did not settle within ${timeoutMs} ms of the abort` });
    };
    const expired = timeout();
    try {
      await Promise.race([this.handle.done, expired]);
    } finally {
      late.abort();
      await expired.catch(() => {});
    }
    this.#done = true;
  }

  #call(): void {
    this.#calls++;
    if (this.#done) this.late++;
  }
}
