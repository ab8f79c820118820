import { describe, expect, it } from "vitest";

import { resolveDeadline } from "../../src/context/resolve-deadline.ts";

const usual = { grpcTimeout: false, envoyTimeout: true, criticality: true, chainStop: true };

describe("a deadline policy", () => {
  it("inherits, and tells all but the header of gRPC, by default", () => {
    expect(resolveDeadline(undefined, "deadline")).toEqual({
      inherit: true,
      propagate: usual,
      reserveMs: 0,
    });
  });

  it("may be off altogether, or tell nothing", () => {
    expect(resolveDeadline(false, "deadline")).toBe(false);
    expect(resolveDeadline({ propagate: false }, "deadline")).toMatchObject({ propagate: false });
    const none = { grpcTimeout: false, envoyTimeout: false, criticality: false, chainStop: false };
    expect(resolveDeadline({ propagate: none }, "deadline")).toMatchObject({ propagate: false });
  });

  it("lays a route's word over its service's", () => {
    const service = resolveDeadline({ reserveMs: 5, propagate: { envoyTimeout: false } }, "deadline");
    if (service === false) throw new Error("it is on");
    expect(resolveDeadline({ propagate: { grpcTimeout: false } }, "routes[0].deadline", service)).toEqual({
      inherit: true,
      propagate: { ...usual, envoyTimeout: false, grpcTimeout: false },
      reserveMs: 5,
    });
    const silent = { ...service, propagate: false } as const;
    expect(resolveDeadline({ propagate: {} }, "deadline", silent)).toMatchObject({ propagate: usual });
    expect(resolveDeadline({}, "deadline", silent)).toMatchObject({ propagate: false });
  });

  it.each([
    [true, "deadline must be false or an object, got true"],
    [
      { reserve: 5 },
      "deadline.reserve must be left out (deadline takes inherit, propagate, reserveMs), got 5",
    ],
    [{ reserveMs: -1 }, "deadline.reserveMs must be a number from 0 to 60000, got -1"],
    [{ reserveMs: 60_001 }, "deadline.reserveMs must be a number from 0 to 60000, got 60001"],
    [{ reserveMs: NaN }, "deadline.reserveMs must be a number from 0 to 60000, got NaN"],
    [{ inherit: "yes" }, 'deadline.inherit must be true or false, got "yes"'],
    [{ propagate: true }, "deadline.propagate must be false or an object, got true"],
    [{ propagate: { grpcTimeout: 1 } }, "deadline.propagate.grpcTimeout must be true or false, got 1"],
    [
      { propagate: { grpc: true } },
      "deadline.propagate.grpc must be left out (deadline.propagate takes grpcTimeout, envoyTimeout, criticality, chainStop), got true",
    ],
  ])("refuses %j", (input, message) => {
    expect(() => resolveDeadline(input, "deadline")).toThrow(message);
  });
});
