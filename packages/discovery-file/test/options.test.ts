import { ProxylessError } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { file } from "../src/index.ts";

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
    ["path", { path: undefined }, /^path must be a non-empty string/],
    ["path", { path: [] }, /a path or a non-empty array of paths, got an array of 0/],
    ["path[1]", { path: ["a", 7] }, /got 7/],
    ["path", { path: "/etc/*/mesh.json" }, /in its last part only/],
    ["path", { path: "/etc/{service}/mesh.json" }, /in its last part only/],
    ["format", { format: "toml" }, /one of auto, json, yaml, got "toml"/],
    ["serviceLabel", { serviceLabel: "" }, /non-empty/],
    ["watch", { watch: 1 }, /true or false, got 1/],
    ["pollMs", { pollMs: 1 }, /from 50 to 3600000, got 1/],
    ["maxBytes", { maxBytes: 10 }, /from 1024/],
    ["pollMS", { pollMS: 100 }, /known: path/],
  ];

  it.each(bad)("names %s, its range and what came, for %j", (field, options, message) => {
    const error = problem(() => file({ path: "/etc/mesh.json", ...options }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
    expect(error.message).toMatch(message);
  });

  it("are part of the key that watches are shared by", () => {
    const key = (path: string): string => file({ path }).key({ service: "orders" });
    expect(key("/a.json")).not.toBe(key("/b.json"));
    expect(key("/a.json")).toBe(key("/a.json"));
  });
});
