import type { Random } from "../../random.ts";
import type { ResolvedDelay } from "./fault-policy.ts";

/** Draws how long a delay lasts, in milliseconds. A fixed one needs no chance. */
export function drawDelay(delay: ResolvedDelay, random: Random): number {
  switch (delay.kind) {
    case "fixed":
      return delay.ms;
    case "uniform":
      return delay.minMs + (delay.maxMs - delay.minMs) * random();
    case "normal": {
      // Box and Muller; 1 − u keeps the logarithm away from zero.
      const bell = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return clamp(delay.meanMs + bell * delay.deviationMs, delay.maxMs);
    }
    case "exponential":
      return clamp(-delay.meanMs * Math.log(1 - random()), delay.maxMs);
    default:
      return delay satisfies never;
  }
}

function clamp(ms: number, maxMs: number): number {
  return Math.min(Math.max(ms, 0), maxMs);
}
