import { channel } from "node:diagnostics_channel";

import type { InboundEvent, InboundStats } from "./inbound-event.ts";

const channels = {
  "inbound.deadline": channel("proxyless:inbound.deadline"),
  "inbound.cancelled": channel("proxyless:inbound.cancelled"),
  "inbound.header": channel("proxyless:inbound.header"),
  "inbound.capped": channel("proxyless:inbound.capped"),
};

type Counts = { -readonly [K in keyof InboundStats]: InboundStats[K] };

/** Counts what comes in, and says it to whoever listens. */
export class Books {
  readonly counts: Counts = {
    requests: 0,
    inFlight: 0,
    withDeadline: 0,
    refused: 0,
    spared: 0,
    cut: 0,
    wouldRefuse: 0,
    wouldCut: 0,
    lateMs: 0,
    maxLateMs: 0,
    cancelled: 0,
    malformed: 0,
    capped: 0,
  };
  readonly #listener: ((event: InboundEvent) => void) | undefined;

  constructor(listener: ((event: InboundEvent) => void) | undefined) {
    this.#listener = listener;
  }

  tooLate(enforced: boolean, spared: boolean, method: string, givenMs: number, byMs: number): void {
    const { counts } = this;
    if (!enforced) counts.wouldRefuse++;
    else if (spared) counts.spared++;
    else counts.refused++;
    const served = spared ? "spared" : "refused";
    const action = enforced ? served : "would_refuse";
    this.#say({ type: "inbound.deadline", action, method, givenMs, byMs });
  }

  overran(enforced: boolean, method: string, givenMs: number, byMs: number): void {
    const { counts } = this;
    if (enforced) counts.cut++;
    else counts.wouldCut++;
    counts.lateMs += byMs;
    counts.maxLateMs = Math.max(counts.maxLateMs, byMs);
    const action = enforced ? "cut" : "would_cut";
    this.#say({ type: "inbound.deadline", action, method, givenMs, byMs });
  }

  cancelled(method: string, afterMs: number): void {
    this.counts.cancelled++;
    this.#say({ type: "inbound.cancelled", method, afterMs });
  }

  malformed(method: string, header: string): void {
    this.counts.malformed++;
    this.#say({ type: "inbound.header", method, header, problem: "malformed" });
  }

  capped(method: string, givenMs: number, maxDeadlineMs: number): void {
    this.counts.capped++;
    this.#say({ type: "inbound.capped", method, givenMs, maxDeadlineMs });
  }

  #say(event: InboundEvent): void {
    try {
      this.#listener?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
    const target = channels[event.type];
    if (target.hasSubscribers) target.publish(event);
  }
}
