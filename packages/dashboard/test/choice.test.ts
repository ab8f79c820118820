import type { EndpointView, ServiceView } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { choiceOf } from "../src/choice.ts";
import { closedText, lookText } from "../src/page/choice-text.ts";

/** An endpoint that is open unless there are reasons. */
function endpoint(address: string, cost: number | undefined, ...reasons: readonly string[]): EndpointView {
  return {
    endpoint: address,
    id: `id of ${address}`,
    health: "healthy",
    weight: 1,
    priority: 0,
    zone: undefined,
    version: undefined,
    effectiveWeight: 1,
    cost,
    activeHealth: undefined,
    gate: reasons.map((text) => ({ kind: "ejected", text })),
    pending: 2,
    latencyMs: 12.345,
    successRatio: 1,
    connections: undefined,
  };
}

function service(
  endpoints: readonly EndpointView[],
  panic = false,
): Pick<ServiceView, "balancing" | "endpoints"> {
  const balancing = { balancer: "round-robin", panic, groups: [], ejected: 0, panics: 0, routes: [] };
  return { balancing, endpoints };
}

describe("what a choice was made of", () => {
  it("is the one that was called and the cheapest of the others that are open, in order", () => {
    const open = ["g", "c", "f", "a", "e", "b", "d"].map((name) =>
      endpoint(name, name.charCodeAt(0) + 0.123),
    );
    const choice = choiceOf(service([...open, endpoint("h", undefined, "ejected for 30 s")]), "e");
    expect(choice).toEqual({
      balancer: "round-robin",
      panic: false,
      chosen: { address: "e", cost: 101.12, pending: 2, latencyMs: 12.35 },
      closedFor: undefined,
      others: ["a", "b", "c", "d", "f"].map((address) => ({
        address,
        cost: address.charCodeAt(0) + 0.12,
        pending: 2,
        latencyMs: 12.35,
      })),
      othersOpen: 6,
      closed: [{ address: "h", reasons: "ejected for 30 s" }],
      closedInAll: 1,
    });
  });

  it("counts the one that was called among neither the open nor the closed, also where it has closed since", () => {
    const closed = endpoint("a", 1, "ejected for 30 s", "draining");
    const choice = choiceOf(service([closed, endpoint("b", 1), endpoint("c", 1, "unhealthy")]), "a");
    expect(choice).toMatchObject({
      chosen: { address: "a" },
      closedFor: "ejected for 30 s, draining",
      others: [{ address: "b" }],
      othersOpen: 1,
      closed: [{ address: "c", reasons: "unhealthy" }],
      closedInAll: 1,
    });
  });

  it("tells ten closed ones at most, and how many there are", () => {
    const all = Array.from({ length: 14 }, (_, i) => endpoint(`closed-${i}`, 1, `reason ${i}`));
    const { closed, closedInAll, othersOpen } = choiceOf(service(all), "closed-3");
    expect([closed.length, closedInAll, othersOpen]).toEqual([10, 13, 0]);
    expect(closed.map(({ address }) => address)).not.toContain("closed-3");
  });

  it("has no cost where there is none, and none called where it is gone or nothing was sent", () => {
    const endpoints = [endpoint("a", undefined), endpoint("b", Infinity)];
    for (const address of ["gone", undefined]) {
      const { chosen, closedFor, others, othersOpen } = choiceOf(service(endpoints), address);
      expect([chosen, closedFor, othersOpen]).toEqual([undefined, undefined, 2]);
      expect(others.map(({ cost }) => cost)).toEqual([undefined, undefined]);
    }
  });
});

describe("the sentence about a choice", () => {
  const open = (name: string): EndpointView => endpoint(name, 1);
  const ejected = endpoint("a", 1, "ejected for 30 s");
  const cases: readonly (readonly [string, readonly EndpointView[], string])[] = [
    ["alone", [open("a")], "no other endpoint was open"],
    ["one beside it", [open("a"), open("b")], "one other endpoint was open"],
    ["two beside it", [open("a"), open("b"), open("c")], "2 other endpoints were open"],
    [
      "one that is closed beside it",
      [open("a"), endpoint("b", 1, "unhealthy")],
      "no other endpoint was open",
    ],
    [
      "closed since, one open",
      [ejected, open("b")],
      "one other endpoint was open, and the called one was closed: ejected for 30 s",
    ],
    [
      "closed since, none open",
      [ejected, endpoint("b", 1, "unhealthy")],
      "no other endpoint was open, and the called one was closed: ejected for 30 s",
    ],
    ["gone", [open("b")], "one other endpoint was open, and the called one was gone"],
  ];

  it.each(cases)("counts the others: %s", (_, endpoints, text) => {
    expect(lookText(choiceOf(service(endpoints), "a"))).toBe(`At the look after the call ${text}.`);
  });

  it("says that there was a panic, in which closed ones may be chosen", () => {
    const panic = choiceOf(service([ejected, endpoint("b", 1, "unhealthy")], true), "a");
    expect([lookText(panic), closedText(panic)]).toEqual([
      "At the look after the call so few endpoints were open that closed ones were picked as well, and the called one was closed: ejected for 30 s.",
      "Others that were closed:",
    ]);
    expect(closedText(choiceOf(service([ejected]), "a"))).toBe("Not to be chosen:");
  });
});
