import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { applyCookieParams, applyHeaderParams, applyHeaders } from "../../../src/client/typed/headers.ts";
import type { HeadersInput } from "../../../src/client/typed/headers.ts";
import { anyText } from "./any-text.ts";

const base = ["accept", "application/json", "x-a", "1"];

function applied(input: HeadersInput): string[] {
  const list = [...base];
  applyHeaders(list, input);
  return list;
}

describe("headers", () => {
  it("replace, remove, repeat and leave alone", () => {
    expect(applied({ Accept: "*/*", "X-A": null, "x-b": ["1", 2], "x-c": undefined, "x-d": true })).toEqual([
      "accept",
      "*/*",
      "x-b",
      "1",
      "x-b",
      "2",
      "x-d",
      "true",
    ]);
    expect(base).toEqual(["accept", "application/json", "x-a", "1"]);
  });

  it("may come as Headers or pairs, whose first value replaces and others join", () => {
    expect(applied(new Headers({ "x-a": "2" }))).toEqual(["accept", "application/json", "x-a", "2"]);
    expect(
      applied([
        ["X-A", "2"],
        ["x-a", "3"],
      ]),
    ).toEqual(["accept", "application/json", "x-a", "2", "x-a", "3"]);
  });

  it.each(["", "a b", "a:b", "a\r\n", "ä", "a\0"])("refuse the name %j", (name) => {
    expect(() => applied({ [name]: "x" })).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_REQUEST" }),
    );
  });

  it.each(["Host", "content-length", "Connection", "Transfer-Encoding", "upgrade"])(
    "refuse %s, which is the mesh's own",
    (name) => {
      expect(() => applied({ [name]: "x" })).toThrow(
        `header "${name.toLowerCase()}" is set by the mesh itself`,
      );
    },
  );

  it("never show a value that is refused, only its header", () => {
    for (const secret of ["hunter2\r\nx: y", "hunter2\0", "hunter2\u{1f511}"]) {
      for (const apply of [applyHeaders, applyHeaderParams]) {
        let message = "";
        try {
          apply([], { Authorization: secret });
        } catch (error) {
          message = error instanceof Error ? error.message : "";
        }
        expect(message).toContain('header "authorization"');
        expect(message).not.toContain("hunter2");
      }
    }
  });

  it("either refuse a value or write it without a line break, whatever it holds", () => {
    fc.assert(
      fc.property(anyText, anyText, (name, value) => {
        const list: string[] = [];
        const refusals: unknown[] = [];
        for (const attempt of [
          () => applyHeaders(list, { [name]: value }),
          () => applyHeaders(list, { "x-value": value }),
          () => applyHeaders(list, [[name, value]]),
          () => applyHeaderParams(list, { "x-list": [value, value], "x-object": { a: value } }),
          () => applyCookieParams(list, { session: value }),
        ]) {
          try {
            attempt();
          } catch (error) {
            refusals.push(error);
          }
        }
        for (const refusal of refusals) expect(refusal).toMatchObject({ code: "ERR_PROXYLESS_REQUEST" });
        for (const text of list) expect(text).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/);
      }),
      { seed: 4 },
    );
  });
});

describe("header and cookie parameters", () => {
  it("are written in simple style", () => {
    const list: string[] = [];
    applyHeaderParams(list, {
      "X-List": [1, 2],
      "X-Object": { R: 1, G: 2 },
      "X-None": undefined,
      "X-One": 5,
    });
    expect(list).toEqual(["x-list", "1,2", "x-object", "R,1,G,2", "x-one", "5"]);
  });

  it("join a cookie header that is there and encode what a cookie cannot hold", () => {
    const list = ["cookie", "a=1"];
    applyCookieParams(list, { session: "x;y z%", ids: [1, 2], none: null });
    expect(list).toEqual(["cookie", "a=1; session=x%3By%20z%25; ids=1,2"]);
    expect(() => {
      applyCookieParams(list, { "a=b": "x" });
    }).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_REQUEST" }));
  });
});
