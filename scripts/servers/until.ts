import { setTimeout as wait } from "node:timers/promises";

/**
 * Asks `probe` again and again until it gives something other than `undefined`. Errors of the probe count as "not
 * yet"; the last one is the cause when time is up.
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      // eslint-disable-next-line no-await-in-loop -- a poll
      const result = await probe();
      if (result !== undefined) return result;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause });
    // eslint-disable-next-line no-await-in-loop -- a poll
    await wait(20);
  }
}
