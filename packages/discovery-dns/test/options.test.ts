import { ProxylessError } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { dns } from "../src/index.ts";

function problem(make: () => unknown): ProxylessError {
  try {
    make();
  } catch (error) {
    if (error instanceof ProxylessError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("the options of a source", () => {
  const bad: readonly [string, object, RegExp][] = [
    ["name", { name: "a b" }, /a DNS name, with \{service\}/],
    ["name", { name: "{Service}.x" }, /got "\{Service\}\.x"/],
    ["name", { name: "" }, /non-empty/],
    ["record", { record: "mx" }, /one of auto, srv, address, got "mx"/],
    ["family", { family: 6 }, /one of ipv6-first/],
    ["port", { port: 0 }, /from 1 to 65535, got 0/],
    ["scheme", { scheme: "ftp" }, /one of http, https/],
    ["services", { services: [] }, /an object/],
    ["services.a", { services: { a: 7 } }, /an object, got 7/],
    ["services.a.port", { services: { a: { port: 70_000 } } }, /from 1 to 65535/],
    ["services.a.ports", { services: { a: { ports: 1 } } }, /known: name/],
    ["servers", { servers: "dns.example" }, /an IP address/],
    ["servers", { servers: [] }, /non-empty array/],
    ["servers[1]", { servers: ["10.0.0.2", "10.0.0.2:0"] }, /got "10.0.0.2:0"/],
    ["resolvConf", { resolvConf: "" }, /non-empty/],
    ["search", { search: "x" }, /true, false or an array/],
    ["search[0]", { search: ["-x"] }, /a domain/],
    ["hostsFile", { hostsFile: true }, /non-empty string/],
    ["transport", { transport: "https" }, /one of udp, tcp/],
    ["timeoutMs", { timeoutMs: 1 }, /from 50 to 60000/],
    ["tries", { tries: 0 }, /from 1 to 10/],
    ["minRefreshMs", { minRefreshMs: 10 }, /from 50/],
    ["maxRefreshMs", { minRefreshMs: 5000, maxRefreshMs: 4000 }, /from 5000 to 3600000, got 4000/],
    ["unionWindow", { unionWindow: 0 }, /from 1 to 100/],
    ["emptyHoldMs", { emptyHoldMs: -1 }, /from 0/],
    ["ttl", { ttl: 1 }, /known: name/],
  ];

  it.each(bad)("names %s, its range and what came, for %j", (field, options, message) => {
    const error = problem(() => dns(options));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
    expect(error.message).toMatch(message);
  });

  it("are part of the key that watches are shared by", () => {
    const key = (name: string): string => dns({ name, services: { a: { name } } }).key({ service: "orders" });
    expect(key("{service}.a")).not.toBe(key("{service}.b"));
    expect(key("{service}.a")).toBe(key("{service}.a"));
  });
});
