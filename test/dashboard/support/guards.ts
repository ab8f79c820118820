import type { MeshView } from "@proxyless/core";

import { inMs, percent, threeDigits } from "./texts.ts";
import type { Second } from "./witness.ts";

type Service = MeshView["services"][number];
type Limits = Service["limits"][number];

/** What limits a service and how it is retried and hedged, by what the page calls it. Routes have nothing of their own. */
export function sayGuards({ hedging, limits }: Service, { calls, extra }: Second): Record<string, string> {
  const share = calls === 0 ? "" : `, ${percent(extra / calls)} of calls`;
  return {
    "retries and hedges": `${extra}/s${share}`,
    ...Object.fromEntries(
      hedging.flatMap(({ delayMs, hedges, isServiceSlow, late }) => [
        ["hedge after", isServiceSlow ? "off: the whole service is slow" : inMs(delayMs)],
        ["hedges lately", `${hedges}, ${late} too late`],
      ]),
    ),
    ...Object.assign({}, ...limits.map(sayLimits)),
  };
}

function sayLimits({
  adaptiveConcurrency,
  adaptiveThrottling,
  bulkhead,
  rateLimit,
}: Limits): Record<string, string> {
  const said: Record<string, string> = {};
  if (rateLimit !== undefined) {
    const { keys, queued, tokens, tokensPerSecond } = rateLimit;
    const left = tokens === undefined ? `${keys} keys` : `${threeDigits(hundredths(tokens))} tokens left`;
    said["rate"] = `${threeDigits(tokensPerSecond)}/s, ${left}${waiting(queued)}`;
  }
  if (bulkhead !== undefined) {
    const { inFlight, maxConcurrent, queued } = bulkhead;
    said["bulkhead"] = `${inFlight} of ${maxConcurrent} in flight${waiting(queued)}`;
  }
  if (adaptiveConcurrency !== undefined) {
    const { algorithm, inFlight, limit, pressure, queued } = adaptiveConcurrency;
    const held = `${inFlight} of ${threeDigits(hundredths(limit))} in flight${waiting(queued)}`;
    said[`concurrency, ${algorithm}`] = `${held}, pressure ${percent(hundredths(pressure))}`;
  }
  for (const [level, { rejection }] of Object.entries(adaptiveThrottling?.levels ?? {})) {
    said[`throttled, ${level.replaceAll("_", " ")}`] = percent(hundredths(rejection));
  }
  return said;
}

function waiting(queued: number): string {
  return queued === 0 ? "" : `, ${queued} waiting`;
}

/** Limits are sent to a hundredth. */
function hundredths(value: number): number {
  return Math.round(100 * value) / 100;
}
