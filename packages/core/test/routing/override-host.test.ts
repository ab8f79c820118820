import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { overrideAddresses, resolveOverrideHost, withoutOverride } from "../../src/routing/override-host.ts";

const override = resolveOverrideHost({}, "o")!;

describe("the header that names endpoints", () => {
  it.each([
    ["10.0.0.1:8080", ["10.0.0.1:8080"]],
    ["10.0.0.1:8080,10.0.0.2:8080", ["10.0.0.1:8080", "10.0.0.2:8080"]],
    ["  orders-1.internal:80 , [2001:db8::1]:443 ", ["orders-1.internal:80", "[2001:db8::1]:443"]],
    ["", []],
    ["10.0.0.1", []],
    ["10.0.0.1:0, 10.0.0.1:70000, :80, 10.0.0.1:80:90, [::1]", []],
    ["http://10.0.0.1:80", []],
    ["user@10.0.0.1:80", []],
    ["[10.0.0.1]:80", []],
    ["169.254.169.254:80, 10.0.0.2:80", ["10.0.0.2:80"]],
    ["2852039166:80", []],
  ])("%j asks for %j", (value, expected) => {
    expect(overrideAddresses(override, ["accept", "*/*", "X-Proxyless-Endpoint", value])).toEqual(expected);
  });

  it("may come twice, and counts up to the tenth address", () => {
    const list = Array.from({ length: 30 }, (_, i) => `10.0.0.${i + 1}:80`);
    const headers = [
      "x-proxyless-endpoint",
      list.slice(0, 4).join(","),
      "x-proxyless-endpoint",
      list.join(","),
    ];
    expect(overrideAddresses(override, headers)).toEqual([...list.slice(0, 4), ...list.slice(0, 6)]);
  });

  it("asks for nothing where it is not there, or only looks like it", () => {
    expect(overrideAddresses(override, ["x-other", "x-proxyless-endpoint", "accept", "10.0.0.1:80"])).toEqual(
      [],
    );
    expect(overrideAddresses(override, [])).toEqual([]);
  });

  it("may be anything without an error", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        for (const address of overrideAddresses(override, ["x-proxyless-endpoint", value])) {
          expect(address).toMatch(/^[\w.:[\]-]+:\d+$/);
        }
      }),
      { seed: 61, numRuns: 1_000 },
    );
  });

  it("is not sent on, and everything else is", () => {
    const others = ["accept", "x-proxyless-endpoint", "x-other", "1"];
    const headers = ["X-Proxyless-Endpoint", "10.0.0.1:80", ...others, "x-proxyless-endpoint", "10.0.0.2:80"];
    expect(withoutOverride(override, headers)).toEqual(others);
    expect(withoutOverride(override, others)).toBe(others);
  });
});

describe("resolveOverrideHost", () => {
  it("is off unless asked for, and takes a header of another name in any case", () => {
    expect(resolveOverrideHost(undefined, "o")).toBeUndefined();
    expect(resolveOverrideHost(false, "o")).toBeUndefined();
    expect(override).toEqual({ header: "x-proxyless-endpoint" });
    const named = resolveOverrideHost({ header: "X-Go-To" }, "o")!;
    expect(overrideAddresses(named, ["x-go-to", "10.0.0.1:80"])).toEqual(["10.0.0.1:80"]);
  });

  it.each([
    [{ header: "" }, 'o.header must be the name of a header of its own, got ""'],
    [{ header: "a b" }, 'o.header must be the name of a header of its own, got "a b"'],
    [{ header: "Host" }, 'o.header must be the name of a header of its own, got "Host"'],
    [{ header: 1 }, "o.header must be the name of a header of its own, got 1"],
    [{ headers: [] }, "o.headers must be left out (o takes header), got an array of 0"],
  ])("refuses %j", (input, message) => {
    expect(() => resolveOverrideHost(input, "o")).toThrow(message);
  });
});
