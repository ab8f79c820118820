import { describe, expect, it } from "vitest";

import { resolveAnswer } from "../../src/policies/answer.ts";

describe("an answer that is made up", () => {
  it("has its length set, and a type where it is JSON", () => {
    const answer = resolveAnswer({ json: { items: [] }, headers: { "X-Kind": "empty" } }, "value", 200);
    expect(answer).toMatchObject({
      status: 200,
      headers: { "content-type": "application/json", "content-length": "12", "x-kind": "empty" },
    });
    expect(answer.body).toBe('{"items":[]}');
  });

  it("keeps the type that is given, and counts bytes rather than characters", () => {
    const { headers } = resolveAnswer({ body: "é", headers: { "Content-Type": "text/plain" } }, "value", 200);
    expect(headers).toEqual({ "content-type": "text/plain", "content-length": "2" });
  });

  it("has no length where its status has no body", () => {
    expect(resolveAnswer({ status: 204 }, "value", 200).headers).toEqual({});
  });

  it.each([
    [undefined, "value must be an object, got undefined"],
    [{ text: "x" }, 'value.text must be left out (value takes status, headers, body, json), got "x"'],
    [{ status: 199 }, "value.status must be a whole number from 200 to 599, got 199"],
    [{ status: 600 }, "value.status must be a whole number from 200 to 599, got 600"],
    [{ body: 5 }, "value.body must be a string, got 5"],
    [{ body: "x", json: 1 }, "value.json must be left out where value.body is given, got 1"],
    [{ json: () => 1 }, "value.json must be something that can be written as JSON, got a function"],
    [{ json: 1n }, "value.json must be something that can be written as JSON, got 1n"],
    [{ status: 204, body: "x" }, 'value.body must be left out with status 204, got "x"'],
    [{ headers: ["x"] }, "value.headers must be an object of header values, got an array of 1"],
    [
      { headers: { "content-length": "9" } },
      'value.headers.content-length must be the name of a header that does not belong to a connection, got "content-length"',
    ],
    [
      { headers: { "x\n": "9" } },
      'value.headers.x\n must be the name of a header that does not belong to a connection, got "x\\n"',
    ],
    [
      { headers: { x: "a\r\nset-cookie: b" } },
      'value.headers.x must be a header\'s value, as a string without line breaks, got "string"',
    ],
  ])("refuses case %#", (input, message) => {
    expect(() => resolveAnswer(input, "value", 200)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", message }),
    );
  });
});
