import { seededRandom } from "@proxyless/core/testing";

export interface TrafficOptions {
  /** Calls per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Open-loop traffic: arrivals follow a schedule (Poisson, seeded) that does not care whether earlier calls came back,
 * as with real users. Resolves after the last arrival.
 * @param arrive takes the number of the arrival and when it was due, in milliseconds of `performance.now()`
 */
export function openLoop(
  { rate, seconds, seed, signal }: TrafficOptions,
  arrive: (number: number, dueAt: number) => void,
): Promise<void> {
  const random = seededRandom(seed);
  const gapMs = (): number => (-Math.log(1 - random()) * 1000) / rate;
  const endsAt = performance.now() + seconds * 1000;
  let dueAt = performance.now() + gapMs();
  let number = 0;
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const turn = (): void => {
      while (dueAt <= Math.min(performance.now(), endsAt)) {
        number++;
        arrive(number, dueAt);
        dueAt += gapMs();
      }
      if (dueAt > endsAt) end();
      else timer = setTimeout(turn, Math.max(0, dueAt - performance.now()));
    };
    let timer = setTimeout(turn, 0);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
