import { ProxylessError } from "@proxyless/core";
import { array, assert, constantFrom, nat, oneof, option, property, record, string } from "fast-check";
import { describe, expect, it } from "vitest";

import { envoyFormat, jsonFormat, lineFormat } from "../src/access/format.ts";
import type { LoggedCall } from "../src/access/logged-call.ts";
import { parseFormat } from "../src/access/parse.ts";
import type { Piece } from "../src/access/parse.ts";
import { samples } from "./support/samples.ts";

const endedAt = Date.UTC(2026, 10, 21, 13, 23, 5, 7);
const sample = samples["call.completed"];
const failed: LoggedCall = { event: sample, endedAt, startedAt: endedAt - 2000 };
const answered: LoggedCall = {
  ...failed,
  event: { ...sample, outcome: "success", status: 200, error: undefined, flag: undefined, attempts: 1 },
};
const text = (format: string, call = answered, omitEmpty = false): string =>
  lineFormat(format, omitEmpty, "format")(call);
const json = (format: unknown, call = answered, omitEmpty = false): unknown =>
  JSON.parse(lineFormat(format, omitEmpty, "format")(call));

/** The field that a config error names; undefined where all is well. @throws any other error */
function fieldAtFault(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof ProxylessError && error.code === "ERR_PROXYLESS_CONFIG") return error.field;
    throw error;
  }
}

describe("a format of text", () => {
  it("is Envoy's own, with `-` for what the mesh does not know", () => {
    expect(text(envoyFormat)).toBe(
      '[2026-11-21T13:23:03.007Z] "GET /orders/42 HTTP/1.1" 200 - 17 2048 2000 - "-" "-" "-" "orders" "10.0.0.3:80"\n',
    );
  });

  it.each([
    ["%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "0 DT DurationTimeout"],
    ["%RESPONSE_CODE_DETAILS%", "ERR_PROXYLESS_TIMEOUT"],
    ["%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ROUTE_NAME%", "10.0.0.3:80 orders /orders/{id}"],
    ["%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%", "10.0.0.3 80"],
    ["%UPSTREAM_REQUEST_ATTEMPT_COUNT% %DURATION%", "3 2000"],
    ["%BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_PROTOCOL%", "17 2048 HTTP/1.1"],
    ["%RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "121 1880"],
    ["%TRACE_ID% %SPAN_ID%", "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331"],
    ["%DYNAMIC_METADATA(proxyless:tenant)% %DYNAMIC_METADATA(other:tenant)%", "blue -"],
    ["%REQ(X-MISSING?:METHOD)% %REQ(:PATH):4% %PATH(NQ)%", "GET /ord /orders/42"],
    ["%DOWNSTREAM_REMOTE_ADDRESS% %UPSTREAM_WIRE_BYTES_SENT% %GRPC_STATUS(SNAKE_STRING)%", "- - -"],
    ["100%%", "100%"],
  ])("%s", (format, line) => {
    expect(text(format, failed)).toBe(`${line}\n`);
  });

  it.each([
    ["%START_TIME(%Y/%m/%dT%H:%M:%S%z)%", "2026/11/21T13:23:03+0000"],
    ["%START_TIME(%s.%3f)%", "1795267383.007"],
    ["%START_TIME(%s.%6f %9f %f %1f)%", "1795267383.007000 007000000 007000000 0"],
    [
      "%EMIT_TIME(%F %T %a %A %b %B %j %e %y %I%p %Z %%)%",
      "2026-11-21 13:23:05 Sat Saturday Nov November 325 21 26 01PM UTC %",
    ],
  ])("%s", (format, line) => {
    expect(text(format)).toBe(`${line}\n`);
  });

  it("has local times with their offset", () => {
    const offset = -new Date(endedAt).getTimezoneOffset();
    const shown = text("%EMIT_TIME_LOCAL(%FT%T%z)%").trim();
    expect(Date.parse(shown.replace(/(\d\d)$/, ":$1"))).toBe(endedAt - 7);
    expect(shown.endsWith(offset === 0 ? "+0000" : shown.slice(-5))).toBe(true);
  });

  it("cannot be broken out of by what is in a call", () => {
    const event = { ...answered.event, path: '/a" 200\r\n[forged]' };
    expect(text('"%REQ(:PATH)%"', { ...answered, event })).toBe('"/a\\x22 200\\x0d\\x0a[forged]"\n');
  });

  it("leaves out what is not known where that is wanted", () => {
    expect(text("<%GRPC_STATUS%>", answered, true)).toBe("<>\n");
  });
});

describe("a format of JSON", () => {
  it("keeps numbers, and has null for what is not known", () => {
    const format = {
      code: "%RESPONSE_CODE%",
      host: "%UPSTREAM_HOST%",
      bytes: "%BYTES_SENT%",
      stream: "%STREAM_ID%",
      both: "%GRPC_STATUS% %RESPONSE_CODE%",
      timing: { ms: "%DURATION%", note: "plain" },
    };
    expect(json(format)).toEqual({
      code: 200,
      host: "10.0.0.3:80",
      bytes: 2048,
      stream: null,
      both: "- 200",
      timing: { ms: 2000, note: "plain" },
    });
    expect(json(format, answered, true)).not.toHaveProperty("stream");
  });

  it("has one for what is known of a call", () => {
    const line = json(jsonFormat, failed);
    expect(line).toEqual({
      start_time: "2026-11-21T13:23:03.007Z",
      method: "GET",
      path: "/orders/42",
      response_code: 0,
      response_flags: "DT",
      response_code_details: "ERR_PROXYLESS_TIMEOUT",
      protocol: "HTTP/1.1",
      bytes_received: 17,
      bytes_sent: 2048,
      duration: 2000,
      authority: "orders",
      upstream_cluster: "orders",
      upstream_host: "10.0.0.3:80",
      upstream_request_attempt_count: 3,
      route_name: "/orders/{id}",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      span_id: "b7ad6b7169203331",
    });
  });
});

describe("a format that makes no sense", () => {
  it.each([
    ["%RESPONSE_COD%", "made of commands that are known"],
    ["%toString%", "text with %COMMAND%s"],
    ["50% of all", "text with %COMMAND%s"],
    ["%REQ%", "%REQ(HEADER)%"],
    ["%REQ()%", "the name of a header"],
    ["%REQ(A?B?C)%", "X?Y"],
    ["%DURATION(ms)%", "%DURATION% without an argument"],
    ["%START_TIME(%Q)%", "a time format"],
    ["%START_TIME(%3Y)%", "a time format"],
    ["%QUERY_PARAM(token)%", "without queries"],
    ["%REQ(Authorization)%", "no header that holds credentials"],
    ["%REQ(X-A?COOKIE)%", "no header that holds credentials"],
    ["%RESP(Set-Cookie)%", "no header that holds credentials"],
    ["%REQUEST_HEADER(proxy-authorization):4%", "no header that holds credentials"],
    [{ a: { b: 1 } }, "a text, or an object of texts"],
    [{ a: "%NO%" }, "made of commands that are known"],
    [["%DURATION%"], "a text, or an object of texts"],
  ])("%j is refused", (format, expected) => {
    expect(() => lineFormat(format, false, "format")).toThrow(expected);
  });

  it("is refused with a config error, and nothing else, whatever it is", () => {
    const bits = constantFrom(
      "%",
      "%%",
      "(",
      ")",
      ":",
      "REQ",
      "START_TIME",
      "DURATION",
      "(X?Y)",
      ":9",
      "\n",
      "é",
      " ",
    );
    assert(
      property(array(oneof(bits, string({ maxLength: 5 })), { maxLength: 30 }), (parts) => {
        const field = fieldAtFault(() => text(parts.join("")));
        expect([undefined, "format"]).toContain(field);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("reading a format", () => {
  const chars = (units: string, maxLength: number): ReturnType<typeof string> =>
    string({ unit: constantFrom(...units.split("")), minLength: 1, maxLength });
  const commands = record({
    name: chars("ABYZ_09", 12),
    argument: option(chars("abc %?:-.(", 12), { nil: undefined }),
    maxLength: option(nat({ max: 999_999 }), { nil: undefined }),
  });
  const print = (piece: Piece): string => {
    if (typeof piece === "string") return piece.replaceAll("%", "%%");
    const { argument, maxLength, name } = piece;
    return `%${name}${argument === undefined ? "" : `(${argument})`}${maxLength === undefined ? "" : `:${maxLength}`}%`;
  };

  it("finds exactly the pieces that it was written from", () => {
    assert(
      property(array(oneof(commands, chars("ab% :)\n", 8)), { maxLength: 12 }), (pieces) => {
        const joined: Piece[] = [];
        for (const piece of pieces) {
          const last = joined.at(-1);
          if (typeof piece === "string" && typeof last === "string") joined.splice(-1, 1, last + piece);
          else joined.push(piece);
        }
        expect(parseFormat(joined.map(print).join(""), "format")).toEqual(joined);
      }),
      { numRuns: 1000 },
    );
  });
});
