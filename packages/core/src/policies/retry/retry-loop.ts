import pRetry from "p-retry";

import { sleep } from "../../clock.ts";
import type { Clock } from "../../clock.ts";

/** What a loop of retries needs. */
export interface RetryLoopOptions {
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  readonly clock: Clock;
  /** Ends a wait at once; ending a running attempt is the attempt's own matter. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * p-retry sees nothing but this: it never retries a `TypeError` and replaces what is not an `Error`, so the real
 * failures are kept out of its sight. It never leaves this file, and one serves every loop.
 */
const failed = new Error("the attempt failed");

/**
 * Goes on after the first attempt of a call has failed; a call whose first attempt succeeds never comes here.
 * @param firstFailure what the first attempt ended with
 * @param attempt makes attempt number 2, 3…
 * @param next after a failure of attempt `number`: the milliseconds to wait before the following attempt, or
 *   `undefined` to stop. Not asked after attempt `maxAttempts`.
 * @returns the result of the first attempt that succeeds
 * @throws the last failure as it is, or the signal's reason when it aborts a wait
 */
export async function retryLoop<T>(
  firstFailure: unknown,
  attempt: (number: number) => Promise<T>,
  next: (failure: unknown, number: number) => number | undefined,
  { clock, maxAttempts, signal }: RetryLoopOptions,
): Promise<T> {
  let failure = firstFailure;
  try {
    return await pRetry(
      async (number) => {
        if (number === 1) throw failed;
        try {
          return await attempt(number);
        } catch (error) {
          failure = error;
          throw failed;
        }
      },
      {
        retries: maxAttempts - 1,
        // p-retry's own wait is on the real clock; at 0 it sets no timer, and ours stands in its place.
        minTimeout: 0,
        shouldRetry: async ({ attemptNumber }) => {
          const delayMs = next(failure, attemptNumber);
          if (delayMs === undefined) return false;
          if (delayMs > 0) await sleep(clock, delayMs, signal);
          else signal?.throwIfAborted();
          return true;
        },
      },
    );
  } catch (error) {
    throw error === failed ? failure : error;
  }
}
