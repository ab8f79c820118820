import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { FaultInjector } from "../../../src/policies/fault/fault-injector.ts";
import type { FaultPolicy, FaultSubject } from "../../../src/policies/fault/fault-policy.ts";
import { resolveFault } from "../../../src/policies/fault/resolve-fault.ts";
import { seededRandom } from "../../../src/random.ts";
import type { Random } from "../../../src/random.ts";

const percents = fc.constantFrom(0, 0.01, 10, 50, 99.9, 100);
const statuses = fc.constantFrom(200, 429, 503);
const kinds = fc.constantFrom("reset" as const, "refuse" as const, "timeout" as const);

const policies: fc.Arbitrary<FaultPolicy | false> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(false as const) },
  {
    weight: 9,
    arbitrary: fc
      .record(
        {
          enabled: fc.boolean(),
          delay: fc.record({ percent: percents, fixedMs: fc.constantFrom(0, 5, 100) }),
          abort: fc.oneof(
            fc.record({ percent: percents, status: statuses }),
            fc.record({ percent: percents, kind: kinds }),
          ),
          headers: fc.boolean(),
          percent: percents,
          match: fc.record(
            {
              methods: fc.constantFrom(["GET"], ["get", "POST"]),
              paths: fc.constantFrom(["/a"], ["/a*"], ["/b", "/a/*"]),
              attempts: fc.constantFrom([1], [1, 2], [3]),
            },
            { requiredKeys: [] },
          ),
        },
        { requiredKeys: ["percent", "headers"] },
      )
      .filter(({ abort, delay, headers }) => headers || abort !== undefined || delay !== undefined),
  },
);

const subjects: fc.Arbitrary<FaultSubject> = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE"),
  path: fc.constantFrom("/a", "/a?b", "/a/c", "/b"),
  attempt: fc.integer({ min: 1, max: 3 }),
  headers: fc.constantFrom(
    [],
    ["x-envoy-fault-abort-request", "500"],
    ["X-Envoy-Fault-Delay-Request", "30"],
    ["x-envoy-fault-delay-request", "40", "x-envoy-fault-delay-request-percentage", "50"],
  ),
});

const schedules = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.record({ policy: policies }) },
    { weight: 8, arbitrary: fc.record({ subject: subjects }) },
  ),
  { maxLength: 40 },
);

/** What comes of a request, by the letter of the documentation. */
function expected(
  policy: FaultPolicy | false,
  { attempt, headers, method, path }: FaultSubject,
  random: Random,
) {
  if (policy === false || policy.enabled === false) return "nothing";
  const falls = (percent = 100): boolean => percent === 100 || (percent !== 0 && random() < percent / 100);
  const { methods, paths, attempts } = policy.match ?? {};
  const [pathOnly = ""] = path.split("?");
  const isMeant =
    (methods?.some((one) => one.toUpperCase() === method) ?? true) &&
    (attempts?.includes(attempt) ?? true) &&
    (paths?.some((one) => new RegExp(`^${one.replace("*", ".*")}$`).test(pathOnly)) ?? true);
  if (!isMeant) return "nothing";
  const asked = new Map<string, number>();
  if (policy.headers === true) {
    for (let i = 0; i < headers.length; i += 2) asked.set(headers[i]!.toLowerCase(), Number(headers[i + 1]));
  }
  if (asked.size === 0 && policy.delay === undefined && policy.abort === undefined) return "nothing";
  if (!falls(policy.percent)) return "nothing";
  let delay = 0;
  const askedDelay = asked.get("x-envoy-fault-delay-request");
  if (askedDelay !== undefined) {
    if (falls(asked.get("x-envoy-fault-delay-request-percentage"))) delay = askedDelay;
  } else if (policy.delay !== undefined && "fixedMs" in policy.delay && falls(policy.delay.percent)) {
    delay = policy.delay.fixedMs;
  }
  let abort: string | number | undefined = asked.get("x-envoy-fault-abort-request");
  if (abort === undefined && policy.abort !== undefined && falls(policy.abort.percent)) {
    abort = policy.abort.kind ?? policy.abort.status;
  }
  return delay === 0 && abort === undefined ? "nothing" : `${delay} ${abort}`;
}

describe("faults, in ten thousand schedules", () => {
  it("are what the documentation says, through every switch of the policy, by the same chance", () => {
    const property = fc.property(fc.nat(), policies, schedules, (seed, first, steps) => {
      const model = seededRandom(seed);
      let policy = first;
      const injector = new FaultInjector(resolveFault(first, "f"), seededRandom(seed));
      for (const step of steps) {
        if ("policy" in step) {
          ({ policy } = step);
          injector.update(resolveFault(policy, "f"));
          continue;
        }
        const injection = injector.decide(step.subject);
        const abort =
          typeof injection?.abort === "object" && "status" in injection.abort
            ? injection.abort.status
            : injection?.abort;
        const got = injection === undefined ? "nothing" : `${injection.delayMs} ${String(abort)}`;
        expect(got).toBe(expected(policy, step.subject, model));
      }
    });
    expect(() => {
      fc.assert(property, { seed: 8, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});
