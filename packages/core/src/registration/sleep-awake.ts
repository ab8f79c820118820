import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";

/** How often it looks at the clocks. */
const lookMs = 1000;

/**
 * Waits in the background until so much time has passed on either clock, or the signal aborts: the wall clock alone goes on
 * while a machine sleeps, and what was due meanwhile is due now.
 */
export async function sleepAwake(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const end = clock.now() + ms;
  const wallEnd = clock.wallNow() + ms;
  while (!signal.aborted) {
    const left = Math.min(end - clock.now(), wallEnd - clock.wallNow());
    if (left <= 0) return;
    // eslint-disable-next-line no-await-in-loop -- one look at the clocks after the other
    await sleep(clock, Math.min(left, lookMs), signal, true).catch(() => undefined);
  }
}
