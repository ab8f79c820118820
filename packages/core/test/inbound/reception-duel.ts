import assert from "node:assert/strict";

import { resolveInbound } from "../../src/inbound/inbound-options.ts";
import type { InboundMode } from "../../src/inbound/inbound-options.ts";
import { Reception } from "../../src/inbound/reception.ts";
import type { Answer, Visit } from "../../src/inbound/visit.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

const MAX_MS = 300;
const MIN_MS = 2;

/** One request as the specification sees it. */
interface Expected {
  readonly deadline: number | undefined;
  readonly enforced: boolean;
  begun: boolean;
  over: boolean;
  aborted: "" | "TimeoutError" | "AbortError";
  late: boolean;
  refused: boolean;
}

interface Guest {
  readonly visit: Visit | undefined;
  readonly answer: Answer & { begun: boolean; refused: boolean };
  readonly expected: Expected;
}

/** A reception beside a plain account of what it should do. */
export class ReceptionDuel {
  readonly #clock = new ManualClock();
  readonly #reception: Reception;
  readonly #guests: Guest[] = [];
  readonly #respondMs: number | false;
  readonly #counts = {
    requests: 0,
    withDeadline: 0,
    refused: 0,
    wouldRefuse: 0,
    cut: 0,
    wouldCut: 0,
    cancelled: 0,
    capped: 0,
    malformed: 0,
  };

  constructor(mode: InboundMode, respondMs: number | false) {
    this.#respondMs = respondMs;
    this.#reception = new Reception(
      resolveInbound({
        mode,
        respondMs,
        maxDeadlineMs: MAX_MS,
        minDeadlineMs: MIN_MS,
        maxRefusedRatio: 1,
        clock: this.#clock,
      }),
    );
  }

  setMode(mode: InboundMode): void {
    this.#reception.mode = mode;
  }

  arrive(header: string | undefined, ms: number | undefined): void {
    const { mode } = this.#reception;
    const answer = {
      begun: false,
      refused: false,
      refuse() {
        this.refused = this.begun = true;
      },
    };
    const headers = header === undefined ? {} : { "grpc-timeout": header };
    const visit = this.#reception.receive("GET", headers, answer);
    const counts = this.#counts;
    counts.requests++;
    const read = mode === "off" ? undefined : ms;
    if (mode !== "off" && header !== undefined && ms === undefined) counts.malformed++;
    const enforced = mode === "enforce";
    let deadline: number | undefined;
    if (read !== undefined) {
      counts.withDeadline++;
      if (read < MIN_MS) counts[enforced ? "refused" : "wouldRefuse"]++;
      else deadline = this.#clock.now() + Math.min(read, MAX_MS);
      if (read > MAX_MS) counts.capped++;
    }
    const turnedAway = enforced && read !== undefined && read < MIN_MS;
    assert.equal(visit === undefined, turnedAway);
    assert.equal(visit?.context.deadline, enforced ? deadline : undefined);
    this.#guests.push({
      visit,
      answer,
      expected: {
        deadline,
        enforced,
        begun: false,
        over: turnedAway,
        aborted: "",
        late: false,
        refused: false,
      },
    });
  }

  async wait(ms: number): Promise<void> {
    await this.#clock.advance(ms);
    const now = this.#clock.now();
    for (const { expected } of this.#guests) {
      if (expected.over || expected.deadline === undefined) continue;
      if (!expected.late && !expected.begun && expected.deadline <= now) {
        expected.late = true;
        if (expected.enforced) expected.aborted = "TimeoutError";
      }
      const { enforced, late } = expected;
      const respondAt = this.#respondMs === false ? Infinity : expected.deadline + this.#respondMs;
      if (late && enforced && !expected.begun && respondAt <= now) {
        expected.refused = expected.begun = true;
      }
    }
  }

  begin(which: number): void {
    const guest = this.#live(which);
    if (guest === undefined) return;
    guest.answer.begun = guest.expected.begun = true;
  }

  end(which: number, normally: boolean): void {
    const guest = this.#live(which);
    if (guest === undefined) return;
    guest.visit?.end(normally);
    // Only the first end counts.
    guest.visit?.end(!normally);
    const { expected } = guest;
    expected.over = true;
    if (expected.late) this.#counts[expected.enforced ? "cut" : "wouldCut"]++;
    if (normally) return;
    if (expected.aborted === "") expected.aborted = "AbortError";
    if (!(expected.late && expected.enforced)) this.#counts.cancelled++;
  }

  #live(which: number): Guest | undefined {
    const live = this.#guests.filter(({ expected }) => !expected.over);
    return live[which % Math.max(1, live.length)];
  }

  check(): void {
    for (const { visit, answer, expected } of this.#guests) {
      if (visit === undefined) continue;
      assert.equal(nameOf(visit.context.signal), expected.aborted);
      assert.equal(answer.refused, expected.refused);
    }
    const inFlight = this.#guests.filter(({ expected }) => !expected.over).length;
    const { lateMs, maxLateMs, ...counts } = this.#reception.books.counts;
    assert.deepEqual(counts, { ...this.#counts, inFlight, spared: 0 });
    assert.ok(lateMs >= maxLateMs);
  }

  finish(): void {
    while (this.#live(0) !== undefined) this.end(0, true);
    this.check();
    assert.equal(this.#clock.pendingTimers, 0);
  }
}

function nameOf(signal: AbortSignal | undefined): string {
  if (signal?.aborted !== true) return "";
  const reason: unknown = signal.reason;
  return reason instanceof DOMException ? reason.name : "TimeoutError";
}
