import type { Clock } from "../clock.ts";
import { overdueError } from "./call-errors.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Resolves when discovery has said something about a service. Rejects when it cannot, when it did not within `ms`, or
 * with the signal's reason.
 */
export async function awaitEndpoints(
  { discovery, service }: Upstream,
  clock: Clock,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const late = new AbortController();
  const timer = clock.setTimer(() => late.abort(overdueError(service, ms, undefined)), ms, undefined);
  try {
    await discovery.ready({ signal: AbortSignal.any([signal, late.signal]) });
  } finally {
    clock.clearTimer(timer);
  }
}
