import { describe, expect, it } from "vitest";

import { FaultInjector } from "../../../src/policies/fault/fault-injector.ts";
import type { FaultPolicy, FaultSubject } from "../../../src/policies/fault/fault-policy.ts";
import { resolveFault } from "../../../src/policies/fault/resolve-fault.ts";
import { seededRandom } from "../../../src/random.ts";
import type { Random } from "../../../src/random.ts";

function injectorOf(policy: FaultPolicy | false, random: Random = seededRandom(7)): FaultInjector {
  return new FaultInjector(resolveFault(policy, "faultInjection"), random);
}

const neverAsked: Random = () => {
  throw new Error("chance was asked");
};

const get: FaultSubject = { method: "GET", path: "/orders/1?x=2", headers: [], attempt: 1 };

function shareOf(policy: FaultPolicy, subject: FaultSubject = get): number {
  const injector = injectorOf(policy);
  let hits = 0;
  for (let i = 0; i < 20_000; i++) if (injector.decide(subject) !== undefined) hits++;
  return hits / 20_000;
}

describe("a fault injector", () => {
  it("breaks off the share that was asked for, also below one percent", () => {
    const abort = { kind: "reset" } as const;
    expect(shareOf({ percent: 25, abort })).toBeCloseTo(0.25, 2);
    expect(shareOf({ percent: 0.5, abort })).toBeCloseTo(0.005, 2.5);
    expect(shareOf({ percent: 0, abort })).toBe(0);
    expect(shareOf({ percent: 100, abort })).toBe(1);
  });

  it("takes the shares of delay and abort independently, both of the share of the whole", () => {
    const injector = injectorOf({
      percent: 50,
      delay: { percent: 50, fixedMs: 10 },
      abort: { percent: 20, status: 500 },
    });
    let delays = 0;
    let aborts = 0;
    let both = 0;
    for (let i = 0; i < 40_000; i++) {
      const injection = injector.decide(get);
      if (injection === undefined) continue;
      if (injection.delayMs > 0) delays++;
      if (injection.abort !== undefined) aborts++;
      if (injection.delayMs > 0 && injection.abort !== undefined) both++;
    }
    expect(delays / 40_000).toBeCloseTo(0.25, 2);
    expect(aborts / 40_000).toBeCloseTo(0.1, 2);
    expect(both / 40_000).toBeCloseTo(0.05, 2);
  });

  it("asks no chance where nothing depends on it", () => {
    const certain = { percent: 100, delay: { fixedMs: 5 }, abort: { kind: "refuse" } } as const;
    expect(injectorOf(certain, neverAsked).decide(get)).toEqual({
      delayMs: 5,
      behaviour: undefined,
      abort: "refuse",
    });
    expect(injectorOf({ ...certain, percent: 0 }, neverAsked).decide(get)).toBeUndefined();
    expect(injectorOf({ ...certain, enabled: false }, neverAsked).decide(get)).toBeUndefined();
    expect(injectorOf(false, neverAsked).decide(get)).toBeUndefined();
  });

  it.each([
    [{ methods: ["post"] }, false],
    [{ methods: ["post", "get"] }, true],
    [{ paths: ["/orders"] }, false],
    [{ paths: ["/orders/1"] }, true],
    [{ paths: ["/carts/*", "/orders/*"] }, true],
    [{ headers: { "X-User": "tester" } }, true],
    [{ headers: { "X-User": "customer" } }, false],
    [{ attempts: [1] }, true],
    [{ attempts: [2, 3] }, false],
    [{ methods: ["get"], paths: ["/orders/*"], attempts: [2] }, false],
  ])("means requests by %j: %s", (match, isMeant) => {
    const injector = injectorOf({ percent: 100, abort: { kind: "reset" }, match }, neverAsked);
    const subject = { ...get, headers: ["x-user", "tester"] };
    expect(injector.decide(subject) !== undefined).toBe(isMeant);
  });

  it("is switched over while it runs", () => {
    const injector = injectorOf(false, neverAsked);
    const heard = [injector.decide(get)?.abort];
    for (const kind of ["reset", "timeout"] as const) {
      injector.update(resolveFault({ percent: 100, abort: { kind } }, "f"));
      heard.push(injector.decide(get)?.abort);
    }
    injector.update(false);
    heard.push(injector.decide(get)?.abort);
    expect(heard).toEqual([undefined, "reset", "timeout", undefined]);
    expect(injector.policy).toBe(false);
  });

  it("happens in one place only, which a switch may change", () => {
    const abort = { kind: "reset" } as const;
    const call = { ...get, attempt: 0 };
    const injector = injectorOf({ percent: 100, abort });
    const places = [[injector.decide(call)?.abort, injector.decide(get)?.abort]];
    injector.update(resolveFault({ percent: 100, abort, position: "call" }, "f"));
    places.push([injector.decide(call)?.abort, injector.decide(get)?.abort]);
    expect(places).toEqual([
      [undefined, "reset"],
      ["reset", undefined],
    ]);
  });

  it("asks the switch for each request that is meant", () => {
    const asked: string[] = [];
    const injector = injectorOf({
      percent: 100,
      abort: { kind: "reset" },
      match: { methods: ["GET"] },
      enabled: ({ path }) => {
        asked.push(path);
        return path === "/b";
      },
    });
    const hits = ["/a", "/b"].map((path) => injector.decide({ ...get, path })?.abort);
    injector.decide({ ...get, method: "POST" });
    expect([hits, asked]).toEqual([
      [undefined, "reset"],
      ["/a", "/b"],
    ]);
  });

  it("takes what a function makes up, be it an answer, an error or nothing", () => {
    const boom = new Error("boom");
    const made = [{ status: 418, body: "teapot" }, boom, undefined];
    const injector = injectorOf({ percent: 100, outcome: () => made.shift() });
    expect(injector.decide(get)?.abort).toMatchObject({ status: 418, body: "teapot" });
    expect(injector.decide(get)?.abort).toBe(boom);
    expect(injector.decide(get)).toBeUndefined();
  });

  it("takes what a function throws, and what it makes up wrongly, for the error to come", () => {
    const boom = new Error("boom");
    const throwing = injectorOf({
      percent: 100,
      outcome: () => {
        throw boom;
      },
    });
    expect(throwing.decide(get)?.abort).toBe(boom);
    const wrong = injectorOf({ percent: 100, outcome: () => ({ status: 7 }) });
    expect(wrong.decide(get)?.abort).toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      field: "outcome().status",
    });
  });

  it("listens to headers only where it was told to", () => {
    const subject = { ...get, headers: ["X-Envoy-Fault-Abort-Request", "503"] };
    expect(injectorOf({ headers: true }).decide(subject)?.abort).toMatchObject({ status: 503 });
    const deaf = { percent: 100, abort: { kind: "reset" }, headers: false } as const;
    expect(injectorOf(deaf).decide(subject)?.abort).toBe("reset");
    expect(injectorOf({ headers: true }, neverAsked).decide(get)).toBeUndefined();
  });

  it("lets headers come before its own faults, each by itself", () => {
    const policy = { percent: 100, headers: true, delay: { fixedMs: 7 }, abort: { kind: "reset" } } as const;
    const delayed = { ...get, headers: ["x-envoy-fault-delay-request", "250"] };
    expect(injectorOf(policy).decide(delayed)).toMatchObject({ delayMs: 250, abort: "reset" });
    const aborted = { ...get, headers: ["x-envoy-fault-abort-request", "504"] };
    expect(injectorOf(policy).decide(aborted)).toMatchObject({ delayMs: 7, abort: { status: 504 } });
  });

  it("bounds the share that headers ask for", () => {
    const asking = {
      ...get,
      headers: ["x-envoy-fault-abort-request", "503", "x-envoy-fault-abort-request-percentage", "40"],
    };
    expect(shareOf({ headers: true }, asking)).toBeCloseTo(0.4, 2);
    expect(shareOf({ headers: true, percent: 50 }, asking)).toBeCloseTo(0.2, 2);
  });

  it.each(["", "abc", "99", "600", "-503", "5e2", "503.5", "999999999999"])(
    "passes over the status %j in a header",
    (status) => {
      const subject = { ...get, headers: ["x-envoy-fault-abort-request", status] };
      expect(injectorOf({ headers: true }).decide(subject)).toBeUndefined();
    },
  );

  it("draws delays as their distribution says", () => {
    const meanOf = (delay: FaultPolicy["delay"]): { mean: number; min: number; max: number } => {
      const injector = injectorOf({ percent: 100, delay });
      const drawn = Array.from({ length: 20_000 }, () => injector.decide(get)?.delayMs ?? 0);
      const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
      return { mean: Math.round(mean / 2) * 2, min: Math.min(...drawn), max: Math.max(...drawn) };
    };
    const uniform = meanOf({ distribution: "uniform", minMs: 50, maxMs: 150 });
    expect(uniform.mean).toBe(100);
    expect(uniform.min).toBeGreaterThanOrEqual(50);
    expect(uniform.max).toBeLessThanOrEqual(150);
    const normal = meanOf({ distribution: "normal", meanMs: 100, deviationMs: 10, maxMs: 120 });
    expect([normal.mean, normal.max]).toEqual([100, 120]);
    expect(normal.min).toBeLessThan(70);
    const wide = meanOf({ distribution: "normal", meanMs: 0, deviationMs: 10 });
    expect(wide.min).toBe(0);
    const exponential = meanOf({ distribution: "exponential", meanMs: 100 });
    expect(exponential.mean).toBeGreaterThanOrEqual(98);
    expect(exponential.mean).toBeLessThanOrEqual(102);
    expect(meanOf({ distribution: "exponential", meanMs: 100, maxMs: 200 }).max).toBe(200);
  });
});
