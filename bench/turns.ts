/** What the event loop did while it was watched. */
export interface Turns {
  /** The longest time between two turns, in milliseconds: for so long nothing else could run. */
  readonly longestMs: number;
  /** All turns together that were longer than the watching itself takes. */
  readonly busyMs: number;
}

/** A turn that only watches takes some microseconds. */
const idleTurnMs = 0.1;

/** Watches every turn of the event loop for `ms` milliseconds, which keeps it turning. */
export function watchTurns(ms: number): Promise<Turns> {
  return new Promise((resolve) => {
    let longestMs = 0;
    let busyMs = 0;
    let last = performance.now();
    const end = last + ms;
    const turn = (): void => {
      const now = performance.now();
      const took = now - last;
      if (took > idleTurnMs) busyMs += took;
      if (took > longestMs) longestMs = took;
      last = now;
      if (now < end) setImmediate(turn);
      else resolve({ longestMs, busyMs });
    };
    setImmediate(turn);
  });
}
