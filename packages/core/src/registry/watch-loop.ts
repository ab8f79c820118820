import { sleep } from "../clock.ts";
import type { Sink, WatchContext, WatchHandle } from "../discovery/source.ts";
import { Backoff } from "./backoff.ts";
import { toDiscoveryError, toSourceError } from "./source-error.ts";
import type { SourceError } from "./source-error.ts";

/** A protocol reset within so many milliseconds of the one before is waited out like any other trouble. */
const resetGapMs = 10_000;

/** One round of a watch: a question and its answer, or a list and the stream that follows it. */
export interface WatchRound {
  /** Aborts when the watch ends, and when a refresh interrupts a round that allows it. Give it to every request. */
  readonly signal: AbortSignal;
  /** Somebody doubts what is known since the last round (no living endpoint, refused connections): ask at once, and firmly. */
  readonly wasRefreshed: boolean;
  /** From now on a refresh ends this round: it only waits for news. */
  interruptible(): void;
  /** Something good came: the next trouble counts as the first once this has been so for 10 s. */
  good(): void;
}

/** How a watch goes round. */
export interface WatchLoopOptions {
  /**
   * One round. What it resolves with is how long to pause before the next, in milliseconds. What it throws is told to
   * the sink and waited out (full jitter, 100 ms doubling to 30 s); a `protocol-reset` is begun again at once, unless the
   * last one was less than 10 s ago.
   */
  readonly round: (round: WatchRound) => Promise<number>;
  /**
   * Called after trouble was told, before the wait: move to another address, forget an index, renew a token. `"now"`
   * skips the wait.
   */
  readonly onTrouble?: (error: SourceError) => Promise<"now" | "wait"> | "now" | "wait";
  readonly backoff?: Backoff;
  /** What belongs to this watch alone is let go; called once, after the last round. */
  readonly onEnd?: () => Promise<void> | void;
}

/**
 * Keeps going round until the watch is aborted, whatever a round throws. Pauses and interruptible rounds are cut short by
 * a refresh. The sink hears nothing before the caller has its handle, and nothing after the abort.
 */
export function watchLoop(sink: Sink, context: WatchContext, options: WatchLoopOptions): WatchHandle {
  const loop = new WatchLoop(sink, context, options);
  return {
    refresh: () => {
      loop.refresh();
    },
    done: loop.run(),
  };
}

class WatchLoop {
  readonly #sink: Sink;
  readonly #context: WatchContext;
  readonly #options: WatchLoopOptions;
  readonly #backoff: Backoff;
  /** Cuts the present pause or round short. */
  #step = new AbortController();
  #isInterruptible = false;
  /** What a server asked for with `Retry-After`, on the clock. */
  #askNotBefore = -Infinity;
  #wasRefreshed = false;
  #resetAt = -Infinity;

  constructor(sink: Sink, context: WatchContext, options: WatchLoopOptions) {
    this.#sink = sink;
    this.#context = context;
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
  }

  refresh(): void {
    this.#wasRefreshed = true;
    if (this.#isInterruptible) this.#step.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#context;
    const onAbort = (): void => {
      this.#step.abort();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    // The sink must hear nothing before the caller has its handle.
    await Promise.resolve();
    while (!signal.aborted) {
      this.#step = new AbortController();
      // eslint-disable-next-line no-await-in-loop -- the loop is the watch
      const pauseMs = await this.#round();
      // eslint-disable-next-line no-await-in-loop -- as above
      if (pauseMs > 0 && !signal.aborted) await this.#pause(pauseMs);
    }
    try {
      await this.#options.onEnd?.();
    } catch {
      // The watch is over: there is nobody left to tell.
    }
  }

  /** @returns how long to wait before the next, in milliseconds */
  async #round(): Promise<number> {
    const { clock } = this.#context;
    const wasRefreshed = this.#wasRefreshed;
    this.#wasRefreshed = false;
    try {
      const pauseMs = await this.#options.round({
        signal: this.#step.signal,
        wasRefreshed,
        interruptible: () => {
          this.#isInterruptible = true;
          // One that came while the round could not be interrupted has not been answered yet.
          if (this.#wasRefreshed) this.#step.abort();
        },
        good: () => {
          this.#backoff.succeeded(clock.now());
        },
      });
      return pauseMs;
    } catch (error) {
      if (this.#step.signal.aborted) return 0;
      return await this.#failed(toSourceError(error));
    } finally {
      this.#isInterruptible = false;
    }
  }

  async #failed(error: SourceError): Promise<number> {
    const { clock, random, signal } = this.#context;
    if (!signal.aborted) this.#sink.error(toDiscoveryError(error));
    const isReset = error.class === "protocol-reset";
    // A server that resets every list it gives would otherwise be asked for lists without a pause.
    const isFirstReset = isReset && clock.now() - this.#resetAt >= resetGapMs;
    if (isReset) this.#resetAt = clock.now();
    const delay = isFirstReset ? 0 : this.#backoff.failed(clock.now(), random, error.retryAfterMs);
    this.#askNotBefore = clock.now() + (error.retryAfterMs ?? 0);
    try {
      return (await this.#options.onTrouble?.(error)) === "now" ? 0 : delay;
    } catch {
      // Its own trouble is found out by the next round.
      return delay;
    }
  }

  async #pause(ms: number): Promise<void> {
    // What the server asked for is waited out, whoever wants to know: hints come just when a server is in need of rest.
    const restMs = Math.min(ms, this.#askNotBefore - this.#context.clock.now());
    if (restMs > 0)
      await sleep(this.#context.clock, restMs, this.#context.signal, true).catch(() => undefined);
    if (restMs >= ms || this.#wasRefreshed || this.#context.signal.aborted) return;
    this.#isInterruptible = true;
    try {
      await sleep(this.#context.clock, ms - Math.max(0, restMs), this.#step.signal, true);
    } catch {
      // A refresh or the end of the watch: either way the loop knows what to do.
    } finally {
      this.#isInterruptible = false;
    }
  }
}
