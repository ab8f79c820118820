import assert from "node:assert/strict";

import { sleep, systemClock } from "../clock.ts";
import type { Clock, TimerHandle } from "../clock.ts";
import { hostPort } from "../discovery/host.ts";
import type {
  DiscoveryError,
  DiscoveryNotice,
  DiscoverySource,
  Endpoint,
  Snapshot,
  WatchHandle,
} from "../discovery/source.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";

/** How often a condition is looked at that nothing tells of. */
const pollMs = 25;

/** How a source is watched in a test. */
export interface WatchingOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: the system's. */
  readonly random?: Random;
  /** How an endpoint is written in {@link Watching.states}. Default: `host:port health`. */
  readonly label?: (endpoint: Endpoint) => string;
}

/** A watch of a source that remembers every word, and lets a test wait for what it has not heard yet. */
export class Watching {
  readonly snapshots: Snapshot[] = [];
  readonly errors: DiscoveryError[] = [];
  readonly notices: DiscoveryNotice[] = [];
  /** What came with each confirmation that nothing has changed. */
  readonly ages: (number | undefined)[] = [];
  /** Every word but notices in order: `snapshot bound authoritative 3`, `alive`, `error transient`. */
  readonly log: string[] = [];
  readonly handle: WatchHandle;
  /** How often the source said something before `watch()` returned. */
  readonly early: number;
  /** How often it did after {@link stop} had resolved. */
  late = 0;
  readonly #abort = new AbortController();
  readonly #label: (endpoint: Endpoint) => string;
  readonly #listeners = new Set<() => void>();
  #calls = 0;
  #isStopped = false;

  constructor(source: DiscoverySource, service: string, options: WatchingOptions = {}) {
    const { clock = systemClock, label, random = systemRandom } = options;
    this.#label = label ?? (({ health, host, port }) => `${hostPort(host, port)} ${health}`);
    const sink = {
      snapshot: (snapshot: Snapshot): void => {
        // Whoever changes what was told fails here, not in a directory that took it for unchanged.
        for (const { locality, metadata } of snapshot.endpoints) {
          Object.freeze(locality);
          Object.freeze(metadata);
        }
        for (const endpoint of snapshot.endpoints) Object.freeze(endpoint);
        this.snapshots.push(snapshot);
        this.log.push(`snapshot ${snapshot.kind} ${snapshot.trust} ${snapshot.endpoints.length}`);
        this.#heard();
      },
      alive: (ageMs?: number): void => {
        this.ages.push(ageMs);
        this.log.push("alive");
        this.#heard();
      },
      error: (error: DiscoveryError): void => {
        this.errors.push(error);
        this.log.push(`error ${error.class}`);
        this.#heard();
      },
      notice: (notice: DiscoveryNotice): void => {
        this.notices.push(notice);
        this.#heard();
      },
    };
    this.handle = source.watch({ service }, sink, { signal: this.#abort.signal, clock, random });
    this.early = this.#calls;
  }

  /** How often the source said anything. */
  get calls(): number {
    return this.#calls;
  }

  /** How often the source confirmed that nothing has changed. */
  get alives(): number {
    return this.ages.length;
  }

  get last(): Snapshot | undefined {
    return this.snapshots.at(-1);
  }

  /** The endpoints of the last snapshot; none before the first. */
  get endpoints(): readonly Endpoint[] {
    return this.last?.endpoints ?? [];
  }

  /** `host:port` of each endpoint of the last snapshot, sorted. */
  get addresses(): string[] {
    return this.endpoints.map(({ host, port }) => hostPort(host, port)).toSorted();
  }

  /** Each endpoint of the last snapshot as the option `label` writes it, sorted. */
  get states(): string[] {
    return this.endpoints.map(this.#label).toSorted();
  }

  /** Asks the source to look again. */
  refresh(reason = "test"): void {
    this.handle.refresh?.(reason);
  }

  /**
   * Resolves as soon as `condition` holds: it is asked with every word of the source, and every few milliseconds. Rejects,
   * saying what was heard, when that takes longer than `timeoutMs`, 20,000 by default.
   */
  until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
    const end = systemClock.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      let timer: TimerHandle | undefined;
      const settle = (how: () => void): void => {
        if (timer !== undefined) systemClock.clearTimer(timer);
        this.#listeners.delete(look);
        how();
      };
      const look = (): void => {
        try {
          if (condition()) settle(resolve);
          else if (systemClock.now() >= end) assert.fail(this.#missed(what, timeoutMs));
        } catch (error) {
          settle(() => {
            reject(error);
          });
        }
      };
      const poll = (): void => {
        timer = systemClock.setTimer(poll, pollMs, undefined);
        look();
      };
      this.#listeners.add(look);
      poll();
    });
  }

  /** Resolves when the last snapshot has exactly these {@link addresses}. */
  untilAddresses(addresses: readonly string[], timeoutMs?: number): Promise<void> {
    return this.#untilExactly(addresses, () => this.addresses, timeoutMs);
  }

  /** Resolves when the last snapshot has exactly these {@link states}. */
  untilStates(states: readonly string[], timeoutMs?: number): Promise<void> {
    return this.#untilExactly(states, () => this.states, timeoutMs);
  }

  /** Resolves with the first snapshot, past or future, that passes. */
  async untilSnapshot(test: (snapshot: Snapshot) => boolean, timeoutMs?: number): Promise<Snapshot> {
    let found: Snapshot | undefined;
    await this.until("such a snapshot", () => (found = this.snapshots.find(test)) !== undefined, timeoutMs);
    assert.ok(found);
    return found;
  }

  /** Resolves with the first error, past or future. */
  async untilError(timeoutMs?: number): Promise<DiscoveryError> {
    await this.until("an error", () => this.errors.length > 0, timeoutMs);
    const [first] = this.errors;
    assert.ok(first);
    return first;
  }

  /** Ends the watch; resolves when it has let go of everything, and rejects when that takes longer than `timeoutMs`. */
  async stop(timeoutMs = 20_000): Promise<void> {
    this.#abort.abort();
    const ended = new AbortController();
    const isLate = sleep(systemClock, timeoutMs, ended.signal).then(
      () => assert.fail(`done did not settle within ${timeoutMs} ms of the abort`),
      () => undefined,
    );
    try {
      await Promise.race([this.handle.done, isLate]);
    } finally {
      ended.abort();
    }
    this.#isStopped = true;
  }

  #untilExactly(wanted: readonly string[], seen: () => string[], timeoutMs?: number): Promise<void> {
    const expected = wanted.toSorted().join();
    return this.until(
      expected.slice(0, 500),
      () => this.last !== undefined && seen().join() === expected,
      timeoutMs,
    );
  }

  #missed(what: string, timeoutMs: number): string {
    const heard = this.log.slice(-12).join(", ");
    const error = this.errors.at(-1)?.message ?? "none";
    const states = this.states.slice(0, 10).join(", ");
    return `not within ${timeoutMs} ms: ${what}; heard: ${heard}; states: ${states}; last error: ${error}`;
  }

  #heard(): void {
    this.#calls++;
    if (this.#isStopped) this.late++;
    for (const listener of this.#listeners) listener();
  }
}
