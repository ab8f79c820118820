import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { PathTemplate, PathTemplates } from "../../../src/client/typed/path-template.ts";
import { anyText } from "./any-text.ts";

function fill(path: string, values: Record<string, unknown>): string {
  return new PathTemplate(path).fill(values);
}

const list = ["blue", "black", "brown"];
const color = { R: 100, G: 200 };

describe("a path template", () => {
  it.each([
    ["/{c}", "blue", "/blue"],
    ["/{c}", list, "/blue,black,brown"],
    ["/{c*}", list, "/blue,black,brown"],
    ["/{c}", color, "/R,100,G,200"],
    ["/{c*}", color, "/R=100,G=200"],
    ["/x{.c}", "blue", "/x.blue"],
    ["/x{.c}", list, "/x.blue,black,brown"],
    ["/x{.c*}", list, "/x.blue.black.brown"],
    ["/x{.c}", color, "/x.R,100,G,200"],
    ["/x{.c*}", color, "/x.R=100.G=200"],
    ["/x{;c}", "blue", "/x;c=blue"],
    ["/x{;c}", list, "/x;c=blue,black,brown"],
    ["/x{;c*}", list, "/x;c=blue;c=black;c=brown"],
    ["/x{;c}", color, "/x;c=R,100,G,200"],
    ["/x{;c*}", color, "/x;R=100;G=200"],
    ["/x{;c*}", 5, "/x;c=5"],
    ["/{c}", [1, undefined, null, true], "/1,true"],
    ["/{c}", new Date(0), "/1970-01-01T00%3A00%3A00.000Z"],
    ["/{c}", 12n, "/12"],
  ])("writes %s filled with %o as OpenAPI says", (path, value, expected) => {
    expect(fill(path, { c: value })).toBe(expected);
  });

  it("fills several expressions, also within one segment and in a query that is part of the path", () => {
    expect(fill("/a/{b}/{c}.{d}?v={b}", { b: "1/2", c: "x", d: "json" })).toBe("/a/1%2F2/x.json?v=1%2F2");
  });

  it("encodes what a URL cannot hold in its fixed parts and leaves encoded parts alone", () => {
    expect(fill("/für/{id}/%20<x>", { id: "ö" })).toBe("/f%C3%BCr/%C3%B6/%20%3Cx%3E");
  });

  it.each([
    ["/orders/{id}", {}, 'path parameter "id" of /orders/{id} is missing'],
    ["/orders/{id}", { id: null }, "is missing"],
    ["/orders/{id}", { id: "" }, "is empty"],
    ["/orders/{id}", { id: [] }, "is empty"],
    ["/orders{;id*}", { id: {} }, "is empty"],
    ["/orders/{id}", { id: Number.NaN }, "got NaN"],
    ["/orders/{id}", { id: new Date(Number.NaN) }, "got an invalid date"],
    ["/orders/{id}", { id: [["a"]] }, "got an array of 1"],
    ["/orders/{id}", { id: { a: {} } }, "got an object"],
    ["/orders/{id}", { id: Symbol("s") }, "must be text"],
    ["/orders/{constructor}", {}, "got a function"],
    ["/orders/{id}", { id: ".." }, 'path parameter "id" of /orders/{id} would make a "." or ".." segment'],
    ["/orders/{id}/x", { id: "." }, 'would make a "." or ".." segment'],
    ["/{a}{b}", { a: ".", b: "." }, 'would make a "." or ".." segment'],
    ["/x/{.a}", { a: "." }, 'would make a "." or ".." segment'],
    ["/{a}?q=1", { a: ".." }, 'would make a "." or ".." segment'],
  ])("refuses %s with %o", (path, values, message) => {
    expect(() => fill(path, values)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_REQUEST", message: expect.stringContaining(message) }),
    );
  });

  it.each([
    "orders",
    "",
    "//evil/x",
    "/a b",
    "/a\r\nx: y",
    "/a#b",
    "/a\\b",
    "/{id",
    "/id}",
    "/{}",
    "/{*}",
    "/../x",
    "/a/.",
    "/a/%2E%2e",
  ])("refuses the path %j", (path) => {
    expect(() => new PathTemplates("").get(path)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_REQUEST" }),
    );
  });

  it("never lets a value leave its segment, whatever it holds", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        fc.pre(value !== "" && value !== "." && value !== "..");
        const path = fill("/a/{id}/b", { id: value });
        expect(path).toMatch(/^\/a\/[\w.~!'()*%-]+\/b$/);
        expect(decodeURIComponent(path.slice(3, -2))).toBe(value.toWellFormed());
        expect(new URL(path, "http://x").pathname).toBe(path);
      }),
      { seed: 1 },
    );
  });

  it("can be parsed back in every style for lists and objects", () => {
    const word = fc.string({ minLength: 1 }).filter((text) => !text.includes("."));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.constantFrom(",", ".", ";"), (values, style) => {
        const template = style === "," ? "/x{v}" : style === "." ? "/x{.v*}" : "/x{;v*}";
        const written = fill(template, { v: values }).slice(2);
        const pieces = style === "," ? written.split(",") : written.slice(1).split(style);
        expect(pieces.map((piece) => decodeURIComponent(style === ";" ? piece.slice(2) : piece))).toEqual(
          values,
        );
      }),
      { seed: 2 },
    );
  });
});

describe("the templates of a client", () => {
  it("are split once and stay bounded when callers write ids into paths", () => {
    const templates = new PathTemplates("/v1");
    const first = templates.get("/orders/{id}");
    expect(templates.get("/orders/{id}")).toBe(first);
    expect(first.text).toBe("/v1/orders/{id}");
    for (let id = 0; id < 1_000; id++) templates.get(`/orders/${id}`);
    expect(templates.get("/orders/{id}")).not.toBe(first);
  });
});

describe("a query in the path", () => {
  it("is sent, but names nothing: what errors and spans show has none", () => {
    const path = "/orders/{id}?token=hidden";
    expect(fill(path, { id: 7 })).toBe("/orders/7?token=hidden");
    expect(new PathTemplate(path).text).toBe("/orders/{id}");
    for (const act of [
      () => fill(path, {}),
      () => new PathTemplate("/orders x?token=hidden"),
      () => new PathTemplate("/../x?token=hidden"),
      () => new PathTemplate("/{*}?token=hidden"),
      () => new PathTemplate("//orders?token=hidden"),
      () => new PathTemplates("").get("orders?token=hidden"),
    ]) {
      expect(act).toThrow(/path/u);
      expect(act).not.toThrow(/hidden/u);
    }
  });
});
