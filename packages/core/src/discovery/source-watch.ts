import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { Alarm } from "./alarm.ts";
import { Silence } from "./silence.ts";
import type {
  DiscoveryError,
  DiscoveryNotice,
  DiscoverySource,
  Sink,
  SourceProtection,
  Target,
  WatchContext,
  WatchHandle,
} from "./source.ts";
import { readError, readNotice } from "./trouble.ts";
import { readAge } from "./validate.ts";

/** Where an upstream delivers. Nothing arrives after `close` was called. */
export interface SourceWatchSink {
  /** Unchecked. */
  snapshot(raw: unknown): void;
  alive(ageMs: number): void;
  error(error: DiscoveryError): void;
  notice(notice: DiscoveryNotice): void;
}

const minReopenMs = 100;
const firstReopenMs = 1_000;
const maxReopenMs = 30_000;
/** A watch that lived this long was a good one: the next back-off starts afresh. */
const steadyMs = 10_000;
/** A source that wants to be believed dead sooner than this is not taken at its word. */
const minAliveEveryMs = 100;

/**
 * One watch of a source, kept up whatever the source does: a source that throws, whose watch ends without being asked, or
 * that is silent although it promised not to be, is opened again after a back-off (full jitter, 1 s doubling to 30 s). What it says after its signal aborted
 * is dropped, and nothing that happens in the directory ever reaches it as an exception.
 */
export class SourceWatch {
  readonly #source: DiscoverySource;
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #protection: SourceProtection;
  readonly #to: SourceWatchSink;
  readonly #reopen: Alarm;
  readonly #silence: Silence;
  #abort: AbortController | undefined;
  #handle: WatchHandle | undefined;
  /** Of watches that have not let go yet: the present one, and those that were given up. */
  readonly #ending = new Set<Promise<void>>();
  #openedAt = 0;
  #failures = 0;
  #opened = 0;

  constructor(
    source: DiscoverySource,
    target: Target,
    { clock, protection, random }: Omit<WatchContext, "signal">,
    to: SourceWatchSink,
  ) {
    this.#source = source;
    this.#target = target;
    this.#clock = clock;
    this.#random = random;
    this.#protection = protection ?? {};
    this.#to = to;
    this.#reopen = new Alarm(clock, () => {
      this.open();
    });
    const everyMs = source.aliveEveryMs;
    const isPromise = typeof everyMs === "number" && everyMs >= minAliveEveryMs;
    this.#silence = new Silence(
      clock,
      isPromise ? everyMs : Infinity,
      () => {
        this.refresh("silent");
      },
      () => {
        const { signal } = this.#abort ?? {};
        if (signal?.aborted !== false || this.#abort === undefined) return;
        this.#fail(this.#abort, "transient", `the source said nothing for ${3 * (everyMs ?? 0)} ms`);
      },
    );
  }

  /** How often the watch was opened; 1 for a source that keeps its contract. */
  get opened(): number {
    return this.#opened;
  }

  open(): void {
    const abort = new AbortController();
    const { signal } = abort;
    this.#abort = abort;
    this.#openedAt = this.#clock.now();
    this.#opened++;
    this.#silence.heard();
    try {
      const context = {
        signal,
        clock: this.#clock,
        random: this.#random,
        protection: this.#protection,
      };
      const handle: unknown = this.#source.watch(this.#target, this.#sink(signal), context);
      // A sink that was called too early may have led to a close.
      this.#handle = signal.aborted || !isHandle(handle) ? undefined : handle;
      const done = settled(handle);
      this.#ending.add(done);
      void this.#forget(done);
      if (isThenable(handle)) void this.#watchStart(abort, handle);
      else if (isHandle(handle) && isThenable(handle.done)) void this.#watchEnd(abort, done);
    } catch (error) {
      this.#threw(abort, error);
    }
  }

  /** Ends the watch and opens it anew after a back-off: what it told is not known any more, and it tells only what is new. */
  restart(problem: string): void {
    if (this.#abort !== undefined) this.#fail(this.#abort, "transient", problem);
  }

  refresh(reason: string): void {
    try {
      const result: unknown = this.#handle?.refresh?.(reason);
      // It returns nothing by contract; a rejected promise must not end the process.
      if (isThenable(result)) void settled({ done: result });
    } catch {
      // A hint may be ignored; the watch itself tells when it is in trouble.
    }
  }

  /** Resolves when the source has let go of everything. Never rejects. */
  async close(): Promise<void> {
    this.#reopen.clear();
    this.#silence.stop();
    this.#handle = undefined;
    this.#abort?.abort();
    // One turn later: a close from inside `open` comes before `open` knows what to wait for.
    await Promise.resolve();
    await Promise.all(this.#ending);
  }

  async #forget(done: Promise<void>): Promise<void> {
    await done;
    this.#ending.delete(done);
  }

  #sink(signal: AbortSignal): Sink {
    const deliver = (fn: () => void): void => {
      if (signal.aborted) return;
      this.#silence.heard();
      try {
        fn();
      } catch (error) {
        const message = `the source's report could not be read: ${messageOf(error)}`;
        this.#to.error({ class: "data", message, cause: error });
      }
    };
    return {
      snapshot: (snapshot) => {
        deliver(() => {
          this.#to.snapshot(snapshot);
        });
      },
      alive: (ageMs) => {
        deliver(() => {
          this.#to.alive(readAge(ageMs));
        });
      },
      error: (error) => {
        deliver(() => {
          this.#to.error(readError(error));
        });
      },
      notice: (notice) => {
        deliver(() => {
          this.#to.notice(readNotice(notice));
        });
      },
    };
  }

  /** A source written in plain JavaScript may have an async `watch`. */
  async #watchStart(abort: AbortController, handle: PromiseLike<unknown>): Promise<void> {
    try {
      await handle;
    } catch (error) {
      this.#threw(abort, error);
    }
  }

  #threw(abort: AbortController, error: unknown): void {
    this.#fail(abort, "config", `the source threw from watch(): ${messageOf(error)}`, error);
  }

  async #watchEnd(abort: AbortController, done: Promise<void>): Promise<void> {
    await done;
    this.#fail(abort, "transient", "the source ended its watch unasked");
  }

  #fail(abort: AbortController, kind: "config" | "transient", problem: string, cause?: unknown): void {
    if (abort.signal.aborted) return;
    abort.abort();
    this.#silence.stop();
    this.#handle = undefined;
    if (this.#clock.now() - this.#openedAt >= steadyMs) this.#failures = 0;
    const ceiling = Math.min(maxReopenMs, firstReopenMs * 2 ** this.#failures++);
    // Set before the report: whoever hears it may close this upstream.
    this.#reopen.set(Math.max(minReopenMs, ceiling * this.#random()));
    this.#to.error({ ...readError({ class: kind, message: problem }), cause });
  }
}

function isHandle(value: unknown): value is WatchHandle {
  return typeof value === "object" && value !== null;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Resolves once the handle's `done` has settled either way; at once when it has none. */
async function settled(handle: unknown): Promise<void> {
  try {
    const value: unknown = isThenable(handle) ? await handle : handle;
    if (typeof value === "object" && value !== null && "done" in value) await value.done;
  } catch {
    // A watch that failed to end cleanly has ended.
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
