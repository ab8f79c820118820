import { ok } from "node:assert/strict";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Coalescing } from "../../../src/engine/around/coalescing.ts";
import { EventHub } from "../../../src/event-hub.ts";
import type { CoalescePolicy } from "../../../src/policies/coalesce/coalesce-policy.ts";
import { resolveCoalesce } from "../../../src/policies/coalesce/resolve-coalesce.ts";
import { CoalescingModel } from "./coalescing-model.ts";
import { Caller, Line, StepClock } from "./line.ts";

function layerOf(policy: CoalescePolicy): { clock: StepClock; line: Line; layer: Coalescing } {
  const clock = new StepClock();
  const line = new Line(clock);
  const resolved = resolveCoalesce(policy, "coalesce");
  if (resolved === false) throw new Error("it is off");
  const scope = { service: "orders", route: undefined, totalMs: 10_000 };
  const layer = new Coalescing({ ...scope, policy: resolved, clock, events: new EventHub() }, line.send);
  return { clock, line, layer };
}

const limits = fc.record({
  maxWaiters: fc.constantFrom(1, 2, 3, 100),
  maxFlights: fc.constantFrom(1, 2, 100),
});

const schedules = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        key: fc.constantFrom("/a", "/b"),
        // Different for each caller, so that no two end in the same millisecond.
        timeoutMs: fc.constantFrom(7, 20, 50),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), on: fc.nat(30) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom("answer", "cookie", "fail"), on: fc.nat(30) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 20 }) }),
    },
  ),
  { maxLength: 40 },
);

describe("coalescing, in ten thousand schedules", () => {
  it("does what its plain model does to callers who take their answer whole, and leaves nothing behind", () => {
    const property = fc.property(limits, schedules, (limit, steps) => {
      const { clock, layer, line } = layerOf(limit);
      const model = new CoalescingModel(limit.maxWaiters, limit.maxFlights);
      const callers: Caller[] = [];
      for (const step of steps) {
        if (step.do === "call" && "key" in step) {
          // A millisecond of its own, or the order of what ends at the same time would have to be modelled.
          const timeoutMs = step.timeoutMs * 40 + callers.length;
          const caller = new Caller({ path: step.key, timeoutMs });
          callers.push(caller);
          layer.send(caller.request, caller.whole);
          model.call(step.key, timeoutMs);
        } else if (step.do === "wait" && "ms" in step) {
          clock.advance(step.ms * 40);
          model.wait(step.ms * 40);
        } else if ("on" in step) {
          const { on } = step;
          if (step.do === "cancel") {
            callers[on]?.aborter.abort(`cancelled ${on}`);
            model.cancel(on);
          } else if (step.do === "fail") {
            line.sent[on]?.fail(`error ${on}`);
            model.fail(on);
          } else {
            const headers = step.do === "cookie" ? { "set-cookie": "a=1" } : {};
            line.sent[on]?.done(200, headers, `answer ${on}`);
            model.answer(on, step.do === "cookie");
          }
        }
        expect(line.sent.map(({ isOpen }) => isOpen)).toEqual(
          Array.from({ length: model.sent }, (_, i) => model.flights.some(({ number }) => number === i)),
        );
        expect(callers.map((caller) => outcomeOf(caller))).toEqual(
          model.callers.map(({ outcome }) => outcome),
        );
      }
      clock.advance(1_000_000);
      expect([layer.flights, clock.pendingTimers, line.open.length]).toEqual([0, 0, 0]);
      expect(callers.filter(({ end }) => end === undefined)).toEqual([]);
    });
    expect(() => {
      fc.assert(property, { seed: 8, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);

  const streamSteps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant("call" as const), isSlow: fc.boolean() }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constantFrom("cancel", "leave", "resume"), on: fc.nat(12) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("head", "long", "cookie"), on: fc.nat(6) }) },
      { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("data", "end"), on: fc.nat(6) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("fail"), on: fc.nat(6) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("wait"), on: fc.integer({ min: 1, max: 300 }) }) },
    ),
    { maxLength: 40 },
  );

  it("shows every streaming caller the answer of one call, whole and in order, once; holds on to no call that nobody wants", () => {
    const property = fc.property(fc.constantFrom(0, 2, 5, 1_000), streamSteps, (maxBytes, steps) => {
      const { clock, layer, line } = layerOf({ maxBytes, holdMs: 100 });
      const callers: Caller[] = [];
      /** What each call has answered so far. */
      const written: string[] = [];
      for (const step of steps) {
        if ("isSlow" in step) {
          const caller = new Caller({ timeoutMs: 1_000 });
          caller.isSlow = step.isSlow;
          callers.push(caller);
          layer.send(caller.request, caller.streamed);
        } else if (step.do === "wait") clock.advance(step.on);
        else if (step.do === "cancel") callers[step.on]?.aborter.abort(new Error("cancelled"));
        else if (step.do === "leave") callers[step.on]?.leave();
        else if (step.do === "resume") {
          const caller = callers[step.on];
          if (caller?.end === undefined) caller?.control?.resume();
        } else {
          const call = line.sent[step.on];
          if (call === undefined || !call.isOpen) continue;
          if (step.do === "data" || step.do === "end") {
            if (!call.hasHead) continue;
            const piece = `${step.on}.`;
            if (step.do === "end") call.end();
            else if (!call.isPaused) {
              written[step.on] = (written[step.on] ?? "") + piece;
              call.data(piece);
            }
          } else if (step.do === "fail") call.fail(new Error("broke"));
          else if (!call.hasHead) {
            const headers =
              step.do === "long"
                ? { "content-length": "999999" }
                : step.do === "cookie"
                  ? { "set-cookie": "a" }
                  : {};
            call.head(200 + step.on, headers);
          }
        }
        for (const caller of callers) {
          const whole = caller.status === undefined ? "" : (written[caller.status - 200] ?? "");
          ok(caller.end === "answered" ? caller.body === whole : whole.startsWith(caller.body));
        }
        const wanting = callers.filter(({ end }) => end === undefined).length;
        ok(line.open.length <= wanting);
      }
      const cookieOwners = callers.filter(({ headers }) => headers["set-cookie"] !== undefined);
      expect(new Set(cookieOwners.map(({ status }) => status)).size).toBe(cookieOwners.length);
      for (const caller of callers) if (caller.end === undefined) caller.aborter.abort(new Error("the end"));
      expect([layer.flights, line.open.length, clock.pendingTimers]).toEqual([0, 0, 0]);
    });
    expect(() => {
      fc.assert(property, { seed: 9, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});

function outcomeOf({ body, end, error }: Caller): string {
  if (end === undefined) return "waits";
  if (end === "answered") return body;
  return error instanceof Error ? "overdue" : String(error);
}
