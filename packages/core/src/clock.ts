/** Names a timer for `clearTimer`. */
export type TimerHandle = NodeJS.Timeout | number;

/**
 * The only source of time in proxyless. Everything that waits or measures takes one, so that tests and the
 * simulator can run on a {@link ManualClock} instead.
 */
export interface Clock {
  /** Monotonic milliseconds with sub-millisecond precision; only differences mean anything. */
  now(): number;
  /** Milliseconds since the Unix epoch, for dates that leave the process. */
  wallNow(): number;
  /**
   * Calls `fn(arg)` once after `ms` milliseconds (0 or more). Passing the argument instead of closing over it
   * keeps the hot path free of closures. `background` timers never keep the process alive.
   */
  setTimer<T>(fn: (arg: T) => void, ms: number, arg: T, background?: boolean): TimerHandle;
  /** Stops a timer made by this clock. */
  clearTimer(timer: TimerHandle): void;
}

/** The real clock: `performance.now()` and Node's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer: (fn, ms, arg, background) => {
    const timer = setTimeout(fn, ms, arg);
    if (background === true) timer.unref();
    return timer;
  },
  clearTimer: (timer) => {
    clearTimeout(timer);
  },
};

/**
 * Resolves after `ms` milliseconds of `clock`, or rejects with the signal's reason as soon as `signal` aborts.
 * `background` sleeps never keep the process alive.
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal, background?: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clock.clearTimer(timer);
      reject(signal?.reason);
    };
    const timer = clock.setTimer(
      () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
      ms,
      undefined,
      background,
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
