import { seededRandom } from "@proxyless/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Reply } from "../src/message.ts";
import { readSet } from "../src/record-set.ts";
import { refreshDelay } from "../src/refresh-delay.ts";
import { parseHosts, parseResolvConf } from "../src/resolv-conf.ts";
import { parseServer, showServer } from "../src/server-address.ts";
import { candidatesOf, isDomain, nameOf } from "../src/service-name.ts";
import { srvWeights } from "../src/to-endpoints.ts";
import type { SrvRecord } from "../src/to-endpoints.ts";
import { UnionWindow } from "../src/union-window.ts";

describe("resolv.conf", () => {
  it("is read as resolv.conf(5) says", () => {
    const content = `
# a comment
; another
nameserver 10.0.0.2
nameserver fd00::2  trailing words
nameserver fe80::1%eth0
nameserver not-an-address
domain old.example
search ns.svc.cluster.local svc.cluster.local cluster.local
options ndots:5 timeout:1 use-vc
`;
    expect(parseResolvConf(content)).toEqual({
      servers: [
        { host: "10.0.0.2", port: 53 },
        { host: "fd00::2", port: 53 },
        { host: "fe80::1%eth0", port: 53 },
      ],
      search: ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local"],
      ndots: 5,
      tcp: true,
    });
    const own = [{ host: "127.0.0.1", port: 53 }];
    expect(parseResolvConf("")).toEqual({ servers: own, search: [], ndots: 1, tcp: false });
    expect(parseResolvConf("search a b\ndomain c\noptions ndots:99").search).toEqual(["c"]);
    expect(parseResolvConf("options ndots:99").ndots).toBe(15);
  });

  it("never breaks anything, whatever stands in it", () => {
    const words = fc.constantFrom(
      "nameserver",
      "search",
      "options",
      "ndots:",
      "\t",
      "\n",
      "10.0.0.1",
      "a.b",
      "#",
      "\u0000",
      "é",
    );
    fc.assert(
      fc.property(fc.array(words), (parts) => {
        const { servers, ndots } = parseResolvConf(parts.join(" "));
        expect(servers.length).toBeGreaterThan(0);
        expect(ndots).toBeGreaterThanOrEqual(0);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe("a hosts file", () => {
  it("gives each of its names all its addresses", () => {
    const hosts = parseHosts(
      "127.0.0.1 localhost\n::1 localhost ip6 # no\n10.0.0.1\tOrders orders.x\nnonsense orders\n10.0.0.1 orders\n",
    );
    expect(hosts.get("localhost")).toEqual(["127.0.0.1", "::1"]);
    expect(hosts.get("orders")).toEqual(["10.0.0.1"]);
    expect(hosts.has("no")).toBe(false);
  });
});

describe("names", () => {
  it("are tried in search domains by their dots", () => {
    const search = ["ns.svc", "svc."];
    expect(candidatesOf("orders", search, 1)).toEqual(["orders.ns.svc", "orders.svc", "orders"]);
    expect(candidatesOf("a.b", search, 1)).toEqual(["a.b", "a.b.ns.svc", "a.b.svc"]);
    expect(candidatesOf("a.b", search, 5)).toEqual(["a.b.ns.svc", "a.b.svc", "a.b"]);
    expect(candidatesOf("a.b.", search, 5)).toEqual(["a.b"]);
  });

  it("are made of a service's name only where that gives one", () => {
    expect(nameOf("_http._tcp.{service}.x.", "orders")).toBe("_http._tcp.orders.x.");
    expect(nameOf("{service}.x", "a.$&.b".replace("$&", "c"))).toBe("a.c.b.x");
    for (const bad of ["", "a b", "a/b", "-a", "é", "a..b", ".", "a".repeat(64), "$&"]) {
      expect(() => nameOf("{service}.x", bad)).toThrow(/makes no DNS name/);
    }
    expect(isDomain("a".repeat(63))).toBe(true);
    expect(isDomain(Array.from({ length: 64 }, () => "abc").join("."))).toBe(false);
  });
});

describe("servers", () => {
  it("are addresses with or without a port", () => {
    expect(parseServer("10.0.0.2")).toEqual({ host: "10.0.0.2", port: 53 });
    expect(parseServer("10.0.0.2:5353")).toEqual({ host: "10.0.0.2", port: 5353 });
    expect(parseServer("fd00::2")).toEqual({ host: "fd00::2", port: 53 });
    expect(parseServer("[fd00::2]:5353")).toEqual({ host: "fd00::2", port: 5353 });
    for (const bad of [
      "dns.example",
      "10.0.0.2:0",
      "10.0.0.2:65536",
      "[10.0.0.2]:53",
      "[fd00::2",
      "",
      ":53",
    ]) {
      expect(parseServer(bad)).toBeUndefined();
    }
    expect(showServer({ host: "fd00::2", port: 53 })).toBe("[fd00::2]:53");
  });
});

describe("when to look again", () => {
  const bounds = { minRefreshMs: 1000, maxRefreshMs: 30_000 };

  it("is when the time to live is over, or up to a tenth earlier, never later", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), fc.integer(), (ttl, seed) => {
        const delay = refreshDelay(ttl, true, bounds, seededRandom(seed));
        const bounded = Math.min(Math.max(ttl * 1000, 1000), 30_000);
        expect(delay).toBeLessThanOrEqual(bounded);
        expect(delay).toBeGreaterThanOrEqual(bounded * 0.9);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it("is just after a cache let go of what it had", () => {
    expect(refreshDelay(3, false, bounds, () => 0.5)).toBe(3010);
    expect(refreshDelay(0, false, bounds, () => 0)).toBe(1000);
    expect(refreshDelay(undefined, true, bounds, () => 0)).toBe(5000);
  });
});

describe("SRV weights", () => {
  function record(priority: number, weight: number): SrvRecord {
    return { type: "SRV", name: "n", ttl: 1, target: "t", port: 1, priority, weight };
  }

  it("of 0 are a very small chance among others, and equal among themselves", () => {
    const records = [record(0, 0), record(0, 0), record(0, 3), record(1, 0), record(1, 0), record(2, 7)];
    const weights = srvWeights(records);
    expect(records.map((each) => weights.get(each))).toEqual([0.5, 0.5, 3, 1, 1, 7]);
  });

  it("give each record the share that the algorithm of RFC 2782 gives it", () => {
    // The algorithm draws from 0 to the sum of the weights, both included, with the records of weight 0 first.
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 6 }), (list) => {
        const records = list.map((weight) => record(0, weight));
        const weights = srvWeights(records);
        const total = records.reduce((sum, each) => sum + (weights.get(each) ?? 0), 0);
        const sum = list.reduce((a, b) => a + b, 0);
        const zeros = list.filter((each) => each === 0).length;
        for (const each of records) {
          const share = (weights.get(each) ?? 0) / total;
          const drawn =
            zeros === 0 ? each.weight / sum : (each.weight === 0 ? 1 / zeros : each.weight) / (sum + 1);
          expect(share).toBeCloseTo(sum === 0 ? 1 / list.length : drawn, 10);
        }
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe("a union window", () => {
  const endpoint = (id: string) => ({
    id,
    host: id,
    port: 1,
    weight: 1,
    priority: 0,
    health: "unknown" as const,
    metadata: {},
  });
  const ids = (window: UnionWindow, ...names: readonly string[]): string =>
    window
      .add(names.map(endpoint))
      .map(({ id }) => id)
      .toSorted()
      .join("");

  it("keeps what fewer than its size of answers in a row lack", () => {
    const window = new UnionWindow(3);
    expect(ids(window, "a", "b")).toBe("ab");
    expect(ids(window, "b", "c")).toBe("abc");
    expect(ids(window, "c", "d")).toBe("abcd");
    expect(ids(window, "c", "d")).toBe("bcd");
    expect(ids(window, "b", "d")).toBe("bcd");
    expect(ids(window)).toBe("bcd");
    expect(ids(window)).toBe("bd");
    expect(ids(window)).toBe("");
  });

  it("of 1 takes every answer as it is", () => {
    const window = new UnionWindow(1);
    expect(ids(window, "a")).toBe("a");
    expect(ids(window, "b")).toBe("b");
  });
});

describe("the records of a reply", () => {
  const reply = (answers: Reply["answers"], more: Partial<Reply> = {}): Reply => ({
    exists: true,
    isAuthoritative: true,
    answers,
    additionals: [],
    negativeTtl: undefined,
    bytes: 100,
    ...more,
  });
  const a = (name: string, address: string, ttl: number) => ({ type: "A" as const, name, ttl, address });
  const cname = (name: string, target: string, ttl: number) => ({
    type: "CNAME" as const,
    name,
    ttl,
    target,
  });

  it("are those that its aliases lead to, for the shortest time on the way", () => {
    const answers = [a("c", "10.0.0.1", 60), cname("a", "b", 5), a("evil", "6.6.6.6", 9), cname("b", "c", 7)];
    expect(readSet("A", "A", reply(answers))).toEqual({
      set: { exists: true, records: [answers[0]], ttl: 5 },
    });
  });

  it("may be asked for on, where the aliases end without any", () => {
    expect(readSet("a", "A", reply([cname("a", "b", 5)]))).toEqual({ alias: "b", ttl: 5 });
    const none = reply([cname("a", "b", 5)], { negativeTtl: 3 });
    expect(readSet("a", "A", none)).toEqual({ set: { exists: true, records: [], ttl: 3 } });
    const absent = reply([cname("a", "b", 5)], { exists: false });
    expect(readSet("a", "A", absent)).toEqual({ set: { exists: false, records: [], ttl: 5 } });
  });

  it("are none in a circle", () => {
    expect(() => readSet("a", "A", reply([cname("a", "b", 5), cname("b", "a", 5)]))).toThrow(/in a circle/);
  });
});
