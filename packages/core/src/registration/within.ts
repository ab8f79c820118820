import { unlessAborted } from "../aborted.ts";
import type { Clock } from "../clock.ts";

/** How a function is waited for. */
export interface Waiting {
  readonly clock: Clock;
  /** The longest wait, in milliseconds. */
  readonly ms: number;
  /** Ends the wait earlier. */
  readonly stop: AbortSignal;
  /** The wait alone does not keep the process alive. */
  readonly background: boolean;
}

/**
 * Waits for a user's function for so long, and no longer. The function's signal aborts when its time is over, or with
 * `stop`; what it does after that is its own affair.
 * @throws whatever it throws; an `Error` that says how long it had; the reason of `stop`
 */
export async function within<T>(
  { clock, ms, stop, background }: Waiting,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const onStop = (): void => {
    end.abort(stop.reason);
  };
  const timer = clock.setTimer(
    () => end.abort(new Error(`not done within ${ms} ms`)),
    ms,
    undefined,
    background,
  );
  if (stop.aborted) onStop();
  stop.addEventListener("abort", onStop, { once: true });
  const { signal } = end;
  try {
    return await unlessAborted(
      Promise.resolve().then(() => work(signal)),
      signal,
    );
  } finally {
    clock.clearTimer(timer);
    stop.removeEventListener("abort", onStop);
  }
}
