import { empiricalTime, exponentialTime } from "../../../packages/core/src/testing/index.ts";
import type { ServerModel, ServerPhase, ServiceTime } from "../../../packages/core/src/testing/index.ts";

/** The name of the first endpoint, which things happen to. */
export const first = "b-1";

/** Equal servers `b-1`, `b-2`…; the first one has phases of its own. */
export function servers(
  count: number,
  model: Omit<ServerModel, "id">,
  phases: readonly ServerPhase[] = model.phases ?? [],
): readonly ServerModel[] {
  return Array.from({ length: count }, (_, index) => ({
    ...model,
    id: `b-${index + 1}`,
    ...(index === 0 ? { phases } : {}),
  }));
}

/** Seconds as milliseconds. */
export function s(seconds: number): number {
  return seconds * 1_000;
}

/**
 * Latencies of a service in production by their quantiles: Finagle's balancer simulator draws from these (its
 * `real_latencies.data`, 86,333 samples), and so did "Beyond Round Robin".
 */
export const measured: ServiceTime = empiricalTime([
  [0, 164.1],
  [0.5, 167.5],
  [0.9, 176.7],
  [0.95, 181.7],
  [0.99, 192.3],
  [0.999, 198.8],
  [1, 199.99],
]);

/** Eight workers of 50 ms each: 160 calls per second. */
export const eightWorkers: Omit<ServerModel, "id"> = { serviceTime: exponentialTime(50), workers: 8 };
