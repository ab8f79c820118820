import { deepEqual } from "node:assert/strict";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { FallbackLayer } from "../../../src/engine/around/fallback-layer.ts";
import { ProxylessError } from "../../../src/errors.ts";
import { EventHub } from "../../../src/event-hub.ts";
import type { FallbackPolicy } from "../../../src/policies/fallback/fallback-policy.ts";
import { resolveFallback } from "../../../src/policies/fallback/resolve-fallback.ts";
import { Caller, Line, StepClock } from "./line.ts";

const policies = fc
  .record(
    {
      stale: fc.constant({ maxAgeMs: 500 }),
      service: fc.constant("backup"),
      run: fc.constant(true),
      value: fc.constant({ body: "value" }),
      on: fc.constantFrom({}, { statuses: [404] }, { errors: ["ERR_PROXYLESS_REQUEST" as const] }),
    },
    { requiredKeys: [] },
  )
  .filter(({ run, service, stale, value }) => Boolean(run ?? service ?? stale ?? value));

type Outcome = 200 | 404 | 500 | "ERR_PROXYLESS_RESET" | "ERR_PROXYLESS_REQUEST" | "left";

const calls = fc.array(
  fc.record({
    method: fc.constantFrom("GET", "POST"),
    path: fc.constantFrom("/a", "/b"),
    outcome: fc.constantFrom<Outcome>(
      200,
      200,
      404,
      500,
      "ERR_PROXYLESS_RESET",
      "ERR_PROXYLESS_REQUEST",
      "left",
    ),
    other: fc.constantFrom<Outcome>(200, 404, 500, "ERR_PROXYLESS_RESET"),
    run: fc.constantFrom("answers", "has none", "throws"),
    waitMs: fc.constantFrom(0, 300, 600),
  }),
  { maxLength: 12 },
);

function answer(line: Line, outcome: Outcome, body: string): void {
  const sent = line.sent.at(-1)!;
  if (typeof outcome === "number") sent.done(outcome, {}, body);
  else if (outcome !== "left") sent.fail(new ProxylessError(outcome, outcome, { phase: "sent" }));
}

describe("a fallback, in ten thousand schedules", () => {
  it.each(["whole", "streamed"] as const)(
    "answers what the documentation says to callers who take their answer %s, and leaves nothing behind",
    async (mode) => {
      const property = fc.asyncProperty(policies, calls, async ({ run, ...policy }, steps) => {
        const clock = new StepClock();
        const line = new Line(clock);
        const other = new Line(clock);
        let runs = "";
        const resolved = resolveFallback(
          {
            ...policy,
            ...(run && {
              run: () => {
                if (runs === "throws") throw new Error("it does");
                return runs === "answers" ? { body: "function" } : undefined;
              },
            }),
          } satisfies FallbackPolicy,
          "fallback",
        );
        if (resolved === false) throw new Error("it is off");
        const layer = new FallbackLayer(
          {
            policy: resolved,
            clock,
            events: new EventHub(),
            service: "orders",
            route: undefined,
            totalMs: 10_000,
            sendElsewhere: (_, request, sink) => {
              other.send(request, sink);
            },
          },
          line.send,
        );
        const last = new Map<string, { readonly body: string; readonly at: number }>();
        const on: { errors?: readonly string[]; statuses?: readonly number[] } = policy.on ?? {};
        const { errors, statuses } = on;
        for (const [index, step] of steps.entries()) {
          const { method, outcome, path, waitMs } = step;
          clock.advance(waitMs);
          runs = step.run;
          const caller = new Caller({ method, path });
          layer.send(caller.request, caller[mode]);
          const before = other.sent.length;
          if (outcome === "left") caller.aborter.abort("left");
          else answer(line, outcome, `${outcome} ${index}`);
          if (other.sent.length > before) answer(other, step.other, `other ${index}`);
          if (run === true) await Promise.resolve().then(() => Promise.resolve());
          await Promise.resolve();

          const isFailed = (status: Outcome): boolean => {
            if (status === "left") return false;
            if (typeof status === "number") return statuses?.includes(status) ?? status >= 500;
            return errors?.includes(status) ?? status !== "ERR_PROXYLESS_REQUEST";
          };
          const kept = method === "GET" ? last.get(path) : undefined;
          let wanted = typeof outcome === "number" ? `${outcome} ${index}` : outcome;
          if (isFailed(outcome)) {
            const isOtherGood = typeof step.other === "number" && !isFailed(step.other);
            if (policy.stale !== undefined && kept !== undefined && clock.now() - kept.at <= 500)
              wanted = kept.body;
            else if (policy.service !== undefined && method === "GET" && isOtherGood)
              wanted = `other ${index}`;
            else if (run === true && step.run === "answers") wanted = "function";
            else if (policy.value !== undefined) wanted = "value";
          } else if (outcome === 200 && method === "GET") last.set(path, { body: wanted, at: clock.now() });
          const { body, error } = caller;
          const got = error instanceof ProxylessError ? error.code : (error ?? body);
          deepEqual(got, wanted);
        }
        deepEqual([clock.pendingTimers, line.open.length, other.open.length], [0, 0, 0]);
      });
      await expect(fc.assert(property, { seed: 6, numRuns: 10_000 })).resolves.toBeUndefined();
    },
    60_000,
  );
});
