import type { CallEnding } from "@proxyless/core";

import { Latencies } from "./latencies.ts";
import type { LatencyParts } from "./latencies.ts";

const kinds = [
  "success",
  "failure",
  "timeout",
  "circuit",
  "refused",
  "ignored",
  "cached",
  "fallback",
  "fallbackFailed",
  "retry",
  "hedge",
] as const;

/** What is counted: how calls ended, and what happened beside. */
export type CallKind = (typeof kinds)[number];

/** How long one slot is, in milliseconds. */
export const slotMs = 500;

/** One slot is being filled, and ten seconds of them are full. */
const slotCount = 21;

/** What several counters counted. */
export class CallSums {
  readonly counts: Record<CallKind, number> = noCounts();
  readonly latencies: Latencies = new Latencies();
  maxInFlight = 0;
}

/** Some calls of the last ten seconds, in slots of half a second. */
export class CallCounter {
  readonly #slots: readonly CallSums[] = Array.from({ length: slotCount }, () => new CallSums());
  #current = 0;

  count(kind: CallKind): void {
    this.#slots[this.#current]!.counts[kind]++;
  }

  /** Counts a call that is over, and how long it took, unless nothing of it was sent. */
  record(kind: CallKind, durationMs: number, wasSent: boolean): void {
    const slot = this.#slots[this.#current]!;
    slot.counts[kind]++;
    if (wasSent) slot.latencies.record(durationMs);
  }

  /** Counts what another process counted. */
  add(counts: Partial<Record<CallKind, number>>, latencies: LatencyParts): void {
    const slot = this.#slots[this.#current]!;
    for (const kind of kinds) slot.counts[kind] += counts[kind] ?? 0;
    slot.latencies.addParts(latencies);
  }

  /** Remembers the most calls in flight that were seen. */
  sawInFlight(calls: number): void {
    const slot = this.#slots[this.#current]!;
    slot.maxInFlight = Math.max(slot.maxInFlight, calls);
  }

  /** Begins the next slot; the oldest is forgotten. */
  turn(): void {
    this.#current = (this.#current + 1) % slotCount;
    const slot = this.#slots[this.#current]!;
    Object.assign(slot.counts, noCounts());
    slot.latencies.clear();
    slot.maxInFlight = 0;
  }

  /** Adds the last full slots, 20 at most. */
  addTo(sums: CallSums, slots: number): void {
    for (let back = 1; back <= Math.min(slots, slotCount - 1); back++) {
      const slot = this.#slots[(this.#current - back + slotCount) % slotCount]!;
      for (const kind of kinds) sums.counts[kind] += slot.counts[kind];
      sums.latencies.add(slot.latencies);
      sums.maxInFlight = Math.max(sums.maxInFlight, slot.maxInFlight);
    }
  }
}

/** What became of a call. */
export function kindOf({ error, outcome }: CallEnding): CallKind {
  if (outcome === "success") return "success";
  if (error === "ERR_PROXYLESS_CIRCUIT_OPEN") return "circuit";
  if (error === "ERR_PROXYLESS_SHED") return "refused";
  if (error === "ERR_PROXYLESS_TIMEOUT") return "timeout";
  return outcome === "ignored" ? "ignored" : "failure";
}

function noCounts(): Record<CallKind, number> {
  return {
    success: 0,
    failure: 0,
    timeout: 0,
    circuit: 0,
    refused: 0,
    ignored: 0,
    cached: 0,
    fallback: 0,
    fallbackFailed: 0,
    retry: 0,
    hedge: 0,
  };
}
