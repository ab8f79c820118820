import { setImmediate } from "node:timers/promises";

import type { Clock } from "../clock.ts";
import { workOneTurn } from "../discovery/slices.ts";
import type { Sliceable } from "../discovery/slices.ts";

/**
 * Does work over as many turns of the event loop as it takes, some 2 ms in each, so that nothing else has to wait for all of it. What
 * is short is done in this turn. Rejects with what the work throws, or with the signal's reason.
 */
export async function inTurns<T>(
  work: Sliceable<T>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T> {
  for (;;) {
    const done = workOneTurn(work, clock);
    if (done !== undefined) return done.result;
    // eslint-disable-next-line no-await-in-loop -- one turn after the other
    await setImmediate();
    signal.throwIfAborted();
  }
}
