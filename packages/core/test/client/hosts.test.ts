import { describe, expect, it } from "vitest";

import { createHostDecision } from "../../src/client/hosts.ts";
import type { HostRules } from "../../src/client/hosts.ts";

function rulesWith(rules: Partial<HostRules>): HostRules {
  return {
    external: "refuse",
    declared: () => undefined,
    schemeOf: () => "http",
    isFull: () => false,
    known: () => undefined,
    lookUp: () => Promise.resolve(true),
    ...rules,
  };
}

describe("the decision about a host", () => {
  it("is made anew for every call, so that a refusal ends with its cause", () => {
    let scheme: "http" | "https" = "http";
    const decide = createHostDecision(rulesWith({ schemeOf: () => scheme }));
    expect(decide("https:", "orders")).toMatchObject({ kind: "refused" });
    scheme = "https";
    expect(decide("https:", "orders")).toEqual({ kind: "service", service: "orders" });
  });

  it("refuses a name that nobody declared while too many of them are in use, and says what to do", () => {
    let full = true;
    const decide = createHostDecision(
      rulesWith({
        isFull: () => full,
        declared: (host) => (host === "payments" ? host : undefined),
      }),
    );
    expect(decide("http:", "orders")).toMatchObject({
      kind: "refused",
      error: { code: "ERR_PROXYLESS_UNKNOWN_SERVICE", message: /declare/u, service: "orders" },
    });
    expect(decide("http:", "payments")).toMatchObject({ kind: "service" });
    full = false;
    expect(decide("http:", "orders")).toMatchObject({ kind: "service" });
  });
});
