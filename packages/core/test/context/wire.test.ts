import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { CallContext } from "../../src/context/call-context.ts";
import { criticalities } from "../../src/context/criticality.ts";
import type { ResolvedDeadline } from "../../src/context/deadline-policy.ts";
import { deadlineDefaults, resolveDeadline } from "../../src/context/resolve-deadline.ts";
import { addContextHeaders, readContextHeaders } from "../../src/context/wire.ts";
import type { HeaderRecord, WireContext, WireTrust } from "../../src/context/wire.ts";

const all: WireTrust = { grpcTimeout: true, envoyTimeout: true, attempt: true, criticality: true };

function read(headers: HeaderRecord, trust: WireTrust = all): WireContext & { malformed: string[] } {
  const malformed: string[] = [];
  return { ...readContextHeaders(headers, trust, (name) => malformed.push(name)), malformed };
}

function written(
  ms: number,
  policy: object = {},
  context?: CallContext,
  given: readonly string[] = [],
): Record<string, string> {
  const list = [...given];
  addContextHeaders(list, resolved(policy), ms, context);
  const pairs: [string, string][] = [];
  for (let i = 0; i < list.length; i += 2) pairs.push([list[i]!, list[i + 1]!]);
  return Object.fromEntries(pairs);
}

/** With the header of gRPC, which nobody gets unasked. */
const both = resolveDeadline({ propagate: { grpcTimeout: true } }, "deadline") || undefined;

function resolved(policy: object): ResolvedDeadline {
  const found = resolveDeadline(policy, "deadline", both);
  return found === false ? deadlineDefaults : found;
}

describe("what a request says of its context", () => {
  it("is the least of the times it gives, in either notation", () => {
    const told = { "grpc-timeout": "2S", "x-envoy-expected-rq-timeout-ms": "750" };
    expect(read(told).timeoutMs).toBe(750);
    expect(read({ ...told, "grpc-timeout": "5m" }).timeoutMs).toBe(5);
    expect(read({ "grpc-timeout": "5m" }).timeoutMs).toBe(5);
    expect(read({}).timeoutMs).toBeUndefined();
  });

  it("is its attempt, its criticality and whether retries are to stop", () => {
    const headers = {
      "x-envoy-attempt-count": "3",
      "x-proxyless-criticality": "sheddable_plus",
      "x-proxyless-chain-stop": "1",
    };
    expect(read(headers)).toEqual({
      timeoutMs: undefined,
      attempt: 3,
      criticality: "sheddable_plus",
      chainStop: true,
      malformed: [],
    });
  });

  it.each([
    ["grpc-timeout", "5 minutes"],
    ["x-envoy-expected-rq-timeout-ms", "0"],
    ["x-envoy-expected-rq-timeout-ms", "-1"],
    ["x-envoy-expected-rq-timeout-ms", "12.5"],
    ["x-envoy-expected-rq-timeout-ms", "10, 20"],
    ["x-envoy-attempt-count", "0"],
    ["x-envoy-attempt-count", "two"],
    ["x-proxyless-criticality", "CRITICAL"],
    ["x-proxyless-criticality", "toString"],
  ])("leaves %s: %s out, and says so", (name, value) => {
    const { malformed, ...rest } = read({ [name]: value });
    expect(malformed).toEqual([name]);
    expect(rest).toEqual({
      timeoutMs: undefined,
      attempt: undefined,
      criticality: undefined,
      chainStop: false,
    });
  });

  it("uses the good one of two times of which one makes no sense", () => {
    expect(read({ "grpc-timeout": "x", "x-envoy-expected-rq-timeout-ms": "9" })).toMatchObject({
      timeoutMs: 9,
      malformed: ["grpc-timeout"],
    });
  });

  it("is believed only as far as it is trusted", () => {
    const headers = {
      "grpc-timeout": "x",
      "x-envoy-expected-rq-timeout-ms": "9",
      "x-envoy-attempt-count": "3",
      "x-proxyless-criticality": "critical_plus",
      "x-proxyless-chain-stop": "1",
    };
    const none = { grpcTimeout: false, envoyTimeout: false, attempt: false, criticality: false };
    expect(read(headers, none)).toEqual({ chainStop: false, malformed: [] });
    expect(read(headers, { ...none, envoyTimeout: true }).timeoutMs).toBe(9);
  });
});

describe("what a call says of its context", () => {
  it("is its time in both notations, less the reserve", () => {
    expect(written(250.75)).toEqual({ "grpc-timeout": "250750u", "x-envoy-expected-rq-timeout-ms": "250" });
    expect(written(250.75, { reserveMs: 50 })).toEqual({
      "grpc-timeout": "200750u",
      "x-envoy-expected-rq-timeout-ms": "200",
    });
  });

  it("is never a 0, which some take for no limit", () => {
    expect(written(0.5)).toEqual({ "grpc-timeout": "500u" });
    expect(written(5, { reserveMs: 5 })).toEqual({});
  });

  it("is its criticality and chain stop, where it has them", () => {
    const propagate = { grpcTimeout: false, envoyTimeout: false };
    expect(written(9, { propagate }, { criticality: "sheddable", chainStop: true })).toEqual({
      "x-proxyless-criticality": "sheddable",
      "x-proxyless-chain-stop": "1",
    });
    expect(written(9, { propagate }, { deadline: 7, chainStop: false })).toEqual({});
  });

  it("is only what the policy allows", () => {
    const context = { criticality: "critical", chainStop: true } as const;
    expect(written(9, { propagate: false }, context)).toEqual({});
    const propagate = { envoyTimeout: false, criticality: false, chainStop: false };
    expect(written(9, { propagate }, context)).toEqual({ "grpc-timeout": "9000u" });
  });

  it("leaves a shorter time and a criticality that the caller wrote itself, and corrects a longer or broken time", () => {
    const given = ["host", "a", "Grpc-Timeout", "5m", "x-proxyless-criticality", "critical"];
    const policy = { propagate: { envoyTimeout: false } };
    const context = { criticality: "sheddable" } as const;
    expect(written(9, policy, context, given)).toEqual({
      host: "a",
      "Grpc-Timeout": "5m",
      "x-proxyless-criticality": "critical",
    });
    expect(written(3, policy, context, given)["Grpc-Timeout"]).toBe("3000u");
    expect(written(3, policy, context, ["grpc-timeout", "ages"])["grpc-timeout"]).toBe("3000u");
    expect(written(3, {}, context, ["x-a", "grpc-timeout"])).toMatchObject({
      "x-a": "grpc-timeout",
      "grpc-timeout": "3000u",
    });
  });

  it("arrives as it was sent, with no more time than there was", () => {
    const contexts = fc.record(
      { criticality: fc.constantFrom(...criticalities), chainStop: fc.boolean() },
      { requiredKeys: [] },
    );
    const property = fc.property(
      contexts,
      fc.double({ min: 0.01, max: 1e9, noNaN: true }),
      fc.nat(100),
      fc.record({ grpcTimeout: fc.boolean(), envoyTimeout: fc.boolean() }),
      (context, ms, reserveMs, propagate) => {
        const { timeoutMs, criticality, chainStop, malformed } = read(
          written(ms, { reserveMs, propagate }, context),
        );
        expect(malformed).toEqual([]);
        expect(criticality).toBe(context.criticality);
        expect(chainStop).toBe(context.chainStop === true);
        expect(timeoutMs ?? 0).toBeLessThanOrEqual(Math.max(0, ms - reserveMs));
        const { grpcTimeout, envoyTimeout } = propagate;
        const said = (grpcTimeout && ms - reserveMs >= 1e-6) || (envoyTimeout && ms - reserveMs >= 1);
        expect(timeoutMs !== undefined).toBe(said);
      },
    );
    fc.assert(property, { seed: 4, numRuns: 10_000 });
  });
});
