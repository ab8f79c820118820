import { describe, expect, it } from "vitest";

import { resolveBalancing } from "../../src/policies/resolve-balancing.ts";

const caller = { locality: { zone: "eu-1" } };
const resolve = (given: Readonly<Record<string, unknown>>): unknown =>
  resolveBalancing(given, "services.orders", { ...caller, ordinal: undefined });

describe("failover between localities", () => {
  const locality = { mode: "failover" };

  it.each([
    [{ outlierDetection: false }, "got false"],
    [{ outlierDetection: { mode: "shadow" } }, "got an object"],
  ])("is refused with %j where no health check finds the dead either", (given, got) => {
    expect(() => resolve({ locality, ...given })).toThrow(
      'services.orders.outlierDetection must be on where services.orders.locality is in mode "failover" and there is no ' +
        `services.orders.healthCheck, ${got}`,
    );
  });

  it.each([{}, { outlierDetection: false, healthCheck: { type: "tcp" } }])("is accepted with %j", (given) => {
    expect(resolve({ locality, ...given })).toMatchObject({ locality });
  });

  it("is the only mode that is particular about it", () => {
    expect(resolve({ outlierDetection: false })).toMatchObject({ locality: { mode: "zone-aware" } });
  });
});
