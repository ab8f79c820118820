import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { hostProblem } from "../../src/discovery/host.ts";
import type { GateReasonKind } from "../../src/endpoints/gate/gate-record.ts";
import {
  isInSession,
  mayGoOn,
  resolveStatefulSession,
  sessionAddress,
  sessionCookie,
} from "../../src/routing/stateful-session.ts";
import type { ResolvedStatefulSession, SessionCookiePolicy } from "../../src/routing/stateful-session.ts";

function sessionOf(cookie: Partial<SessionCookiePolicy> = {}, strict?: boolean): ResolvedStatefulSession {
  return resolveStatefulSession({ cookie: { name: "sid", ...cookie }, strict }, "s")!;
}

/** What a client sends back for a `set-cookie` header. */
function returned(setCookie: string): readonly string[] {
  return ["cookie", `theme=dark; ${setCookie.split(";", 1)[0]}; lang=en`];
}

describe("a session's cookie", () => {
  it("brings back the address it was made of", () => {
    const session = sessionOf();
    const hosts = fc.oneof(
      fc.ipV6(),
      fc.constantFrom("10.0.0.1", "orders-1.internal", `${"a".repeat(63)}.example.`),
    );
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
        const back = sessionAddress(session, returned(sessionCookie(session, address)));
        // Multicast and the like are no endpoints, so nobody is sent there.
        expect(hostProblem(host) === undefined ? address : undefined).toBe(back);
      }),
      { seed: 51, numRuns: 300 },
    );
  });

  it("is for the whole site and the client's run unless told otherwise, and out of reach of scripts", () => {
    expect(sessionCookie(sessionOf(), "10.0.0.1:80")).toBe("sid=MTAuMC4wLjE6ODA; Path=/; HttpOnly");
    expect(sessionCookie(sessionOf({ path: "/shop", ttlMs: 90_500 }), "10.0.0.1:80")).toBe(
      "sid=MTAuMC4wLjE6ODA; Max-Age=91; Path=/shop; HttpOnly",
    );
  });

  it("is understood in quotes and in either base64", () => {
    const session = sessionOf();
    for (const value of ['"MTAuMC4wLjE6ODA="', "MTAuMC4wLjE6ODA=", "MTAuMC4wLjE6ODA"]) {
      expect(sessionAddress(session, ["Cookie", `sid=${value}`])).toBe("10.0.0.1:80");
    }
  });

  it.each([
    ["no cookie", []],
    ["another cookie", ["cookie", "side=MTAuMC4wLjE6ODA"]],
    ["an empty value", ["cookie", "sid="]],
    ["no base64", ["cookie", "sid=10.0.0.1:80"]],
    ["base64 of nothing sensible", ["cookie", `sid=${Buffer.from("\0\r\nhost: x").toString("base64")}`]],
    ["a port of 0", ["cookie", `sid=${Buffer.from("10.0.0.1:0").toString("base64")}`]],
    ["a port beyond all ports", ["cookie", `sid=${Buffer.from("10.0.0.1:65536").toString("base64")}`]],
    ["no port", ["cookie", `sid=${Buffer.from("10.0.0.1").toString("base64")}`]],
    ["a cloud metadata address", ["cookie", `sid=${Buffer.from("169.254.169.254:80").toString("base64")}`]],
    ["an address with more behind it", ["cookie", `sid=${Buffer.from("10.0.0.1:80/x").toString("base64")}`]],
    ["an address in disguise", ["cookie", `sid=${Buffer.from("0xa9.254.43518:80").toString("base64")}`]],
    ["bytes that are no text", ["cookie", `sid=${Buffer.from([255, 254, 58, 56, 48]).toString("base64")}`]],
    ["a value of a megabyte", ["cookie", `sid=${"A".repeat(1_000_000)}`]],
  ])("with %s counts as none", (_, headers) => {
    expect(sessionAddress(sessionOf(), headers)).toBeUndefined();
  });

  it("that was tampered with is an address or nothing, and never an error", () => {
    const session = sessionOf();
    const honest = Buffer.from("10.0.0.1:8080").toString("base64url");
    fc.assert(
      fc.property(fc.nat(honest.length), fc.string({ unit: "binary", maxLength: 4 }), (at, junk) => {
        const value = honest.slice(0, at) + junk + honest.slice(at + junk.length);
        const address = sessionAddress(session, ["cookie", `sid=${value}`]);
        expect(address ?? "none:1").toMatch(/^(?:[\w.-]+|\[[\da-f:.]+\]):[1-9]\d{0,4}$/i);
      }),
      { seed: 52, numRuns: 3_000 },
    );
  });
});

describe("the path of a session", () => {
  it.each([
    ["/", "/anything", true],
    ["/shop", "/shop", true],
    ["/shop", "/shop/cart", true],
    ["/shop", "/shop?item=1", true],
    ["/shop", "/shopping", false],
    ["/shop", "/", false],
    ["/shop/", "/shop/cart", true],
    ["/shop/", "/shop", false],
    ["/shop", "/other?next=/shop", false],
  ])("%s has %s in it: %s", (path, request, expected) => {
    expect(isInSession(sessionOf({ path }), request)).toBe(expected);
  });
});

describe("a session's endpoint", () => {
  const because = (...kinds: readonly GateReasonKind[]): boolean =>
    mayGoOn(kinds.map((kind) => ({ kind, text: kind })));

  it("keeps its sessions while it drains, and where new requests go elsewhere", () => {
    expect(because()).toBe(true);
    expect(because("draining")).toBe(true);
    expect(because("draining", "weight 0", "worse priority", "other zone", "not in subset")).toBe(true);
  });

  it.each([
    "unhealthy",
    "starting",
    "ejected",
    "probing",
    "health check",
    "retry-after",
    "warming up",
  ] as const)("loses them when it is closed for being: %s", (kind) => {
    expect(because(kind)).toBe(false);
    expect(because("draining", kind)).toBe(false);
  });
});

describe("resolveStatefulSession", () => {
  it("is off unless asked for", () => {
    expect(resolveStatefulSession(undefined, "s")).toBeUndefined();
    expect(resolveStatefulSession(false, "s")).toBeUndefined();
    expect(sessionOf()).toEqual({ cookie: { name: "sid", path: "/", ttlMs: 0 }, strict: false });
    expect(sessionOf({}, true).strict).toBe(true);
  });

  it.each([
    [{}, "s.cookie.name must be the name of a cookie, got undefined"],
    [{ cookie: { name: "a=b" } }, 's.cookie.name must be the name of a cookie, got "a=b"'],
    [{ cookie: { name: "a\r\nb" } }, "s.cookie.name must be the name of a cookie"],
    [
      { cookie: { name: "a", path: "shop" } },
      's.cookie.path must be a path that begins with "/", got "shop"',
    ],
    [{ cookie: { name: "a", path: "/; Domain=x" } }, 's.cookie.path must be a path that begins with "/"'],
    [{ cookie: { name: "a", ttlMs: -1 } }, "s.cookie.ttlMs must be a number from 0 to 31536000000, got -1"],
    [
      { cookie: { name: "a", domain: "x" } },
      "s.cookie.domain must be left out (s.cookie takes name, path, ttlMs)",
    ],
    [{ cookie: { name: "a" }, strict: 1 }, "s.strict must be true or false, got 1"],
    [true, "s must be false or an object, got true"],
  ])("refuses %j", (input, message) => {
    expect(() => resolveStatefulSession(input, "s")).toThrow(message);
  });
});
