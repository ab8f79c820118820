import type { Random } from "../../random.ts";

/** How long a server works on a request, in milliseconds. */
export type ServiceTime = (random: Random) => number;

/** Always the same. */
export function constantTime(ms: number): ServiceTime {
  return () => ms;
}

/** Memoryless, as the textbooks have it. */
export function exponentialTime(meanMs: number): ServiceTime {
  return (random) => -Math.log(1 - random()) * meanMs;
}

/** Lognormal with this median; `sigma` is the standard deviation of its logarithm (0.35 is tame, 1 has a long tail). */
export function lognormalTime(medianMs: number, sigma: number): ServiceTime {
  return (random) => {
    // Box and Muller.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return medianMs * Math.exp(sigma * radius * Math.cos(2 * Math.PI * random()));
  };
}

/**
 * As measured: by quantiles, `[[0, 164], [0.5, 167], [0.99, 192], [1, 200]]`, with straight lines between them. The first is for
 * 0, the last for 1.
 */
export function empiricalTime(quantiles: readonly (readonly [quantile: number, ms: number])[]): ServiceTime {
  return (random) => {
    const draw = random();
    let [[lowAt, lowMs] = [0, 0]] = quantiles;
    for (const [at, ms] of quantiles) {
      if (draw <= at) return at === lowAt ? ms : lowMs + ((ms - lowMs) * (draw - lowAt)) / (at - lowAt);
      lowAt = at;
      lowMs = ms;
    }
    return lowMs;
  };
}

/** One of several, each in its share of the requests; the shares need not add up to 1. */
export function mixedTime(parts: readonly (readonly [share: number, time: ServiceTime])[]): ServiceTime {
  const total = parts.reduce((sum, [share]) => sum + share, 0);
  return (random) => {
    let draw = random() * total;
    for (const [share, time] of parts) {
      draw -= share;
      if (draw < 0) return time(random);
    }
    return parts.at(-1)?.[1](random) ?? 0;
  };
}
