import { seededRandom } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { isPart, readConnectString, ServerRing } from "../src/client/addresses.ts";

describe("the addresses of an ensemble", () => {
  it.each([
    ["127.0.0.1", [["127.0.0.1", 2181]], ""],
    [
      "zk1:2182,zk2",
      [
        ["zk1", 2182],
        ["zk2", 2181],
      ],
      "",
    ],
    [
      "zk1:2182, zk2:2183 ,[::1]:2184/apps/live",
      [
        ["zk1", 2182],
        ["zk2", 2183],
        ["::1", 2184],
      ],
      "/apps/live",
    ],
    ["zk1/", [["zk1", 2181]], ""],
    [
      ["zk1:1", "zk2:2/a"],
      [
        ["zk1", 1],
        ["zk2", 2],
      ],
      "/a",
    ],
  ])("are read from %j", (given, servers, chroot) => {
    expect(readConnectString(given)).toEqual({
      servers: servers.map(([host, port]) => ({ host, port })),
      chroot,
    });
  });

  it.each([
    [""],
    [undefined],
    [7],
    [[]],
    ["zk1:0"],
    ["zk1:65536"],
    ["zk1,,zk2"],
    ["user:pw@zk1:2181"],
    ["zk1:2181/a//b"],
    ["zk1:2181/a/../b"],
    ["http://zk1:2181"],
    [["zk1", 7]],
  ])("are refused as %j", (given) => {
    expect(() => readConnectString(given)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field: expect.stringContaining("servers") }),
    );
  });

  it("are gone round in an order of chance, each once before one comes again", () => {
    const servers = ["a", "b", "c", "d"].map((host) => ({ host, port: 1 }));
    const firsts = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const ring = new ServerRing(servers, seededRandom(seed));
      const round = Array.from({ length: 4 }, () => ring.next().host);
      expect(round.toSorted()).toEqual(["a", "b", "c", "d"]);
      expect(Array.from({ length: 4 }, () => ring.next().host)).toEqual(round);
      firsts.add(round[0] ?? "");
    }
    expect(firsts.size).toBe(4);
  });

  it.each([
    ["a", true],
    ["a b", true],
    ["ü:1", true],
    ["", false],
    [".", false],
    ["..", false],
    ["a/b", false],
    ["a\u0001", false],
  ])("may have %j as a part of a path: %s", (part, expected) => {
    expect(isPart(part)).toBe(expected);
  });
});
