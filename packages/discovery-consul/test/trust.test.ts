import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { HealthQuestion } from "../src/health-question.ts";
import { resolveOptions } from "../src/options.ts";
import { ageOf, isHidden, judge } from "../src/trust.ts";

const deny = { "x-consul-default-acl-policy": "deny" };
const answer = (status: number, body: string): Parameters<typeof isHidden>[0] => ({
  status,
  headers: {},
  body,
  pieces: [],
});

describe("the trust in an answer", () => {
  it.each([
    [{}, false, "whole"],
    [{}, true, "ask"],
    [deny, true, "ask"],
    [{ "x-consul-results-filtered-by-acls": "true" }, false, "acl"],
    [{ "x-consul-knownleader": "false" }, false, "no-leader"],
    [{ "x-consul-knownleader": "true" }, false, "whole"],
  ] as const)("for %j, empty: %s, is: %s", (headers, isEmpty, verdict) => {
    expect(judge(headers, isEmpty)).toBe(verdict);
  });

  it("asks for the service and the nodes that were seen", () => {
    const question = new HealthQuestion("web", {}, resolveOptions({ url: "http://127.0.0.1:8500" }));
    expect(JSON.parse(question.access(["n1"]))).toEqual([
      { Resource: "service", Access: "read", Segment: "web" },
      { Resource: "node", Access: "read", Segment: "n1" },
    ]);
  });

  it("takes one right that is missing for a hidden list", () => {
    expect(isHidden(answer(200, '[{"Allow":true},{"Allow":false}]'), {}, true)).toBe(true);
    expect(isHidden(answer(200, '[{"Allow":true}]'), deny, false)).toBe(false);
  });

  it("believes an agent without access rules, and one that cannot say unless nobody asks and all is denied", () => {
    expect(isHidden(answer(401, "ACL support disabled"), deny, false)).toBe(false);
    expect(isHidden(answer(404, ""), deny, true)).toBe(false);
    expect(isHidden(answer(404, ""), deny, false)).toBe(true);
    expect(isHidden(answer(200, "garbage"), {}, false)).toBe(false);
  });

  it("takes the older of the two ages that Consul tells, and nonsense for none", () => {
    expect(ageOf({ "x-consul-lastcontact": "40", age: "2" })).toBe(2000);
    expect(ageOf({ "x-consul-lastcontact": "40" })).toBe(40);
    fc.assert(
      fc.property(fc.string(), fc.string(), (contact, age) => {
        const found = ageOf({ "x-consul-lastcontact": contact, age });
        expect(Number.isSafeInteger(found)).toBe(true);
        expect(found).toBeGreaterThanOrEqual(0);
      }),
      { seed: 13 },
    );
  });
});
