import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { querySerializer } from "../../../src/client/typed/query.ts";
import type { QuerySerializerOptions } from "../../../src/client/typed/query.ts";
import { wellFormedText } from "./any-text.ts";

const write = querySerializer(undefined);

describe("a query", () => {
  it("holds lists exploded and objects deep, and leaves out what is undefined, null or empty", () => {
    const query = { page: 2, q: "a b&c", tags: ["x", "y"], filter: { state: "open", min: 1, no: undefined } };
    expect(write({ ...query, none: undefined, nil: null, list: [], object: {}, on: false })).toBe(
      "page=2&q=a%20b%26c&tags=x&tags=y&filter%5Bstate%5D=open&filter%5Bmin%5D=1&on=false",
    );
    expect(write({})).toBe("");
    expect(write({ since: new Date(0) })).toBe("since=1970-01-01T00%3A00%3A00.000Z");
  });

  it.each<[QuerySerializerOptions, string]>([
    [{ array: { explode: false } }, "a=1,2&o%5Bk%5D=v"],
    [{ array: { style: "spaceDelimited", explode: false } }, "a=1%202&o%5Bk%5D=v"],
    [{ array: { style: "pipeDelimited", explode: false } }, "a=1%7C2&o%5Bk%5D=v"],
    [{ array: { style: "pipeDelimited" } }, "a=1&a=2&o%5Bk%5D=v"],
    [{ object: { style: "form" } }, "a=1&a=2&k=v"],
    [{ object: { style: "form", explode: false } }, "a=1&a=2&o=k,v"],
  ])("follows %j", (options, expected) => {
    expect(querySerializer(options)({ a: [1, 2], o: { k: "v" } })).toBe(expected);
  });

  it("keeps reserved characters where asked, but none that would change what is read", () => {
    expect(querySerializer({ allowReserved: true })({ u: "http://x/?a=[1]&b+c#d e" })).toBe(
      "u=http://x/?a=[1]%26b%2Bc%23d%20e",
    );
  });

  it("merges the options of a call over those of the client", () => {
    const merged = querySerializer({ object: { style: "form" } }, { array: { explode: false } });
    expect(merged({ a: [1, 2], o: { k: "v" } })).toBe("a=1,2&k=v");
  });

  it("may be written by a function, which cannot break the request line", () => {
    expect(querySerializer(() => "?raw=1")({})).toBe("raw=1");
    for (const bad of ["a b", "a\r\nb", "a#b", "ä"]) {
      expect(() => querySerializer(() => bad)({})).toThrow(
        expect.objectContaining({ code: "ERR_PROXYLESS_REQUEST" }),
      );
    }
  });

  it.each([
    [{ a: Number.POSITIVE_INFINITY }, 'query parameter "a" must be text'],
    [{ a: Symbol("x") }, 'query parameter "a" must be text'],
    [{ a: [{}] }, 'query parameter "a" must be text, a finite number, a boolean or a date, got an object'],
    [{ a: { b: { c: 1 } } }, 'query parameter "a" must be text'],
    [{ a: new Date(Number.NaN) }, "got an invalid date"],
  ])("refuses %o", (query, message) => {
    expect(() => write(query)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_REQUEST", message: expect.stringContaining(message) }),
    );
  });

  it("can be parsed back, whatever names and values hold", () => {
    const value = fc.oneof(wellFormedText, fc.array(wellFormedText, { minLength: 1 }));
    fc.assert(
      fc.property(fc.dictionary(wellFormedText, value), fc.boolean(), (query, allowReserved) => {
        const written = querySerializer({ allowReserved })(query);
        expect(written).not.toMatch(/[^\x21-\x7e]|#/);
        const expected = Object.entries(query).flatMap(([name, items]) =>
          (Array.isArray(items) ? items : [items]).map((item) => [name, item]),
        );
        expect([...new URLSearchParams(written)]).toEqual(expected);
      }),
      { seed: 3 },
    );
  });
});
