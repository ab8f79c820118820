import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolveInbound } from "../../src/inbound/inbound-options.ts";
import type { InboundMode } from "../../src/inbound/inbound-options.ts";
import { Reception } from "../../src/inbound/reception.ts";
import type { Answer } from "../../src/inbound/visit.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { ReceptionDuel } from "./reception-duel.ts";

const modes = fc.constantFrom<InboundMode>("off", "measure", "enforce");
const times = fc.constantFrom<readonly [string | undefined, number | undefined]>(
  [undefined, undefined],
  ["1m", 1],
  ["2m", 2],
  ["20m", 20],
  ["300m", 300],
  ["5S", 5_000],
  ["soon", undefined],
);
const actions = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("arrive" as const), time: times }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 19, 20, 50, 400) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("begin" as const), on: fc.nat(9) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom("end" as const, "leave" as const), on: fc.nat(9) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("mode" as const), mode: modes }) },
  ),
  { maxLength: 25 },
);

describe("the reception, in ten thousand schedules", () => {
  it("refuses, cuts, cancels and counts what its plain account does, and keeps no timer", async () => {
    const property = fc.asyncProperty(
      modes,
      fc.constantFrom<number | false>(false, 0, 30),
      actions,
      async (mode, respondMs, schedule) => {
        const duel = new ReceptionDuel(mode, respondMs);
        for (const step of schedule) {
          if (step.do === "arrive") duel.arrive(...step.time);
          else if (step.do === "wait") await duel.wait(step.ms);
          else if (step.do === "begin") duel.begin(step.on);
          else if (step.do === "mode") duel.setMode(step.mode);
          else duel.end(step.on, step.do === "end");
          duel.check();
        }
        duel.finish();
      },
    );
    await expect(fc.assert(property, { seed: 4, numRuns: 10_000 })).resolves.toBeUndefined();
  }, 60_000);

  it("keeps nothing of 100,000 requests that have ended", async () => {
    const clock = new ManualClock();
    const reception = new Reception(resolveInbound({ mode: "enforce", clock, respondMs: 5 }));
    const answer: Answer = { begun: false, refuse: () => {} };
    for (let i = 0; i < 100_000; i++) {
      const visit = reception.receive("GET", { "grpc-timeout": "50m" }, answer);
      if (i % 1_000 === 0) await clock.advance(i % 3_000 === 0 ? 60 : 1);
      visit?.end(i % 2 === 0);
    }
    expect(reception.books.counts).toMatchObject({ requests: 100_000, inFlight: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});
