import type { Clock, TimerHandle } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import type { Batch } from "./batch.ts";

/** How long one waits at most. */
export interface BatchLimits {
  /** Of the batcher, for errors. */
  readonly name: string;
  readonly clock: Clock;
  /** Undefined for ever. */
  readonly timeoutMs: number | undefined;
  readonly signals: readonly AbortSignal[];
}

/** One who waits for the value of a key. */
export class BatchWaiter<Key, Value> {
  readonly key: Key;
  /** What makes its key the same as another. */
  readonly identity: unknown;
  /** Undefined for ever. */
  readonly deadline: number | undefined;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #timeoutMs: number | undefined;
  readonly #signals: readonly AbortSignal[];
  readonly #resolve: (value: Value) => void;
  readonly #reject: (reason: unknown) => void;
  #batch: Batch<Key, Value> | undefined;
  #timer: TimerHandle | undefined;

  constructor(
    key: Key,
    identity: unknown,
    limits: BatchLimits,
    resolve: (value: Value) => void,
    reject: (reason: unknown) => void,
  ) {
    const { clock, name, signals, timeoutMs } = limits;
    this.key = key;
    this.identity = identity;
    this.deadline = timeoutMs === undefined ? undefined : clock.now() + timeoutMs;
    this.#name = name;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#signals = signals;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Waits for a batch from now on. */
  wait(batch: Batch<Key, Value>): void {
    this.#batch = batch;
    for (const signal of this.#signals) signal.addEventListener("abort", this, { once: true });
    if (this.#timeoutMs !== undefined) this.#timer = this.#clock.setTimer(onOverdue, this.#timeoutMs, this);
  }

  resolve(value: Value): void {
    if (this.#settle() !== undefined) this.#resolve(value);
  }

  reject(reason: unknown): void {
    if (this.#settle() !== undefined) this.#reject(reason);
  }

  /** A signal aborted. */
  handleEvent(): void {
    const aborted = this.#signals.find((signal) => signal.aborted);
    this.#leave(aborted?.reason);
  }

  /** @internal */
  overdue(): void {
    this.#timer = undefined;
    const message = `${this.#name}: no value within ${Math.round(this.#timeoutMs ?? 0)} ms (total timeout)`;
    this.#leave(
      new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, { timeout: "total", flag: "DT", retryable: true }),
    );
  }

  #leave(reason: unknown): void {
    const batch = this.#settle();
    if (batch === undefined) return;
    this.#reject(reason);
    batch.leave(this, reason);
  }

  /** @returns the batch it waited for; undefined when it did not wait any more */
  #settle(): Batch<Key, Value> | undefined {
    const batch = this.#batch;
    this.#batch = undefined;
    for (const signal of this.#signals) signal.removeEventListener("abort", this);
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    return batch;
  }
}

function onOverdue<Key, Value>(waiter: BatchWaiter<Key, Value>): void {
  waiter.overdue();
}
