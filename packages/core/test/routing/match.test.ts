import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolvePolicy } from "../../src/policies/resolve-policy.ts";
import { compileRoutes } from "../../src/routing/match.ts";
import type { RouteMatcher } from "../../src/routing/match.ts";

function parse(route: string): { method?: string; path: string } {
  const [method, path] = route.split(" ");
  return path === undefined ? { path: route } : { method: method ?? "", path };
}

/** A matcher for routes as a user writes them: `GET /orders/{id}`, or a path alone for every method. */
function matcher(...routes: readonly string[]): RouteMatcher {
  const policy = resolvePolicy({ routes: routes.map((route) => ({ match: parse(route) })) }, "");
  return compileRoutes(policy.routes.map((route) => route.match));
}

describe("a route's path", () => {
  it.each([
    ["/orders", "/orders", true],
    ["/orders", "/orders?page=2", true],
    ["/orders", "/orders?next=/orders/1", true],
    ["/orders", "/orders/", false],
    ["/orders", "/Orders", false],
    ["/orders", "/ordersx", false],
    ["/orders", "/order", false],
    ["/orders", "/", false],
    ["/orders", "xorders", false],
    ["/orders/", "/orders/", true],
    ["/orders/", "/orders", false],
    ["/orders/{id}", "/orders/42", true],
    ["/orders/{id}", "/orders/a%2Fb", true],
    ["/orders/{id}", "/orders/", false],
    ["/orders/{id}", "/orders", false],
    ["/orders/{id}", "/orders/42/", false],
    ["/orders/{id}", "/orders/42/items", false],
    ["/orders/{id}", "/orders/?id=42", false],
    ["/orders/{id}/items/{item}", "/orders/4/items/2?x=/y", true],
    ["/orders/{id}/items/{item}", "/orders/4/parts/2", false],
    ["/orders/*", "/orders", true],
    ["/orders/*", "/orders/", true],
    ["/orders/*", "/orders/4/items", true],
    ["/orders/*", "/ordersx/4", false],
    ["/orders/{id}/*", "/orders/4/items/2", true],
    ["/orders/{id}/*", "/orders/", false],
    ["/*", "/", true],
    ["/*", "/anything/at/all", true],
    ["/", "/", true],
    ["/", "/orders", false],
    ["/", "*", false],
    ["/a//b", "/a//b", true],
    ["/a//b", "/a/b", false],
  ])("%s and the request %s: %s", (route, path, matches) => {
    expect(matcher(route).match("GET", path)).toBe(matches ? 0 : -1);
  });
});

describe("a list of routes", () => {
  it("takes the first that matches", () => {
    const routes = matcher("/orders/special", "/orders/{id}", "/orders/*", "/*");
    expect(routes.match("GET", "/orders/special")).toBe(0);
    expect(routes.match("GET", "/orders/42")).toBe(1);
    expect(routes.match("GET", "/orders/42/items")).toBe(2);
    expect(routes.match("GET", "/users")).toBe(3);
  });

  it("tells methods apart", () => {
    const routes = matcher("post /orders", "GET /orders");
    expect(routes.match("POST", "/orders")).toBe(0);
    expect(routes.match("GET", "/orders")).toBe(1);
    expect(routes.match("DELETE", "/orders")).toBe(-1);
    expect(routes.match("GET", "/orders", "/orders")).toBe(1);
    expect(routes.match("POST", "/orders", "/orders")).toBe(0);
  });

  it("matches nothing when it is empty", () => {
    expect(matcher().match("GET", "/orders")).toBe(-1);
  });
});

describe("a known template", () => {
  it("decides alone, whatever its parameters are called and whatever they became", () => {
    const routes = matcher("/orders/special", "/orders/{id}");
    for (let i = 0; i < 2; i++) {
      expect(routes.match("GET", "/orders/special", "/orders/{orderId}")).toBe(1);
      expect(routes.match("GET", "/orders/special", "/orders/special")).toBe(0);
      expect(routes.match("GET", "/orders/42", "/users/{id}")).toBe(-1);
    }
  });

  it("stays right when more templates come than are remembered", () => {
    const routes = matcher("/a/{id}");
    for (let i = 0; i < 3_000; i++) {
      expect(routes.match("GET", "/", `/a/${i}`)).toBe(0);
      expect(routes.match("GET", "/", `/b/${i}`)).toBe(-1);
    }
  });
});

describe("any path", () => {
  it("matches as cutting it into segments would", () => {
    const segment = fc.constantFrom("a", "b", "", "{x}", "ab", "%2F");
    const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join("/")}`);
    const rest = fc.constantFrom("", "/*");
    fc.assert(
      fc.property(path, rest, path, fc.constantFrom("", "?", "?q=/a/b"), (route, suffix, request, query) => {
        const pattern = route.slice(1).split("/");
        const given = request.slice(1).split("/");
        const expected =
          (suffix === "" ? given.length === pattern.length : given.length >= pattern.length) &&
          pattern.every((part, i) => (part === "{x}" ? given[i] !== "" : part === given[i]));
        expect(matcher(route + suffix).match("GET", request + query)).toBe(expected ? 0 : -1);
      }),
      { seed: 61, numRuns: 2_000 },
    );
  });
});
