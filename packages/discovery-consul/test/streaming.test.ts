import { ManualClock } from "@proxyless/core/testing";
import type { Watching, WatchingOptions } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { watchConsul } from "../../../test/consul/watch.ts";
import { eventually } from "../../../test/support/watching.ts";
import { BlockingTrust } from "../src/blocking-trust.ts";
import type { ConsulOptions } from "../src/index.ts";
import { entry, FakeConsul } from "./support/fake-consul.ts";

let fake: FakeConsul;
let watches: Watching[];

beforeEach(async () => {
  fake = await FakeConsul.start();
  fake.put("web", [entry("a")]);
  watches = [];
});

afterEach(async () => {
  await Promise.all(watches.map((each) => each.stop()));
  await fake.close();
});

function watch(options: Partial<ConsulOptions> = {}, more: WatchingOptions = {}): Watching {
  const made = watchConsul({ url: fake.url, ...options }, "web", { random: () => 0.5, ...more });
  watches.push(made);
  return made;
}

/** An agent with a streamed view of its own answers what waits; its servers answer the rest, and count higher. */
function stream(viewIndex: () => number): void {
  fake.script = ({ query, path }, response) => {
    if (!path.startsWith("/v1/health")) return false;
    if (query.get("index") === null) {
      fake.answer(response, JSON.stringify(fake.services.get("web") ?? []), {
        "x-consul-index": "900",
        "x-consul-query-backend": "blocking-query",
      });
      return true;
    }
    if (BigInt(query.get("index") ?? 0) === BigInt(viewIndex())) return false;
    fake.answer(response, JSON.stringify(fake.services.get("web") ?? []), {
      "x-consul-index": String(viewIndex()),
      "x-consul-query-backend": "streaming",
    });
    return true;
  };
}

describe("an agent with streaming", { timeout: 30_000 }, () => {
  it("is not taken for a reset when its own view counts lower than its servers", async () => {
    stream(() => 850);
    const watched = watch();
    await watched.until("a confirmation by the other backend", () => watched.ages.length > 0);
    expect(watched.errors).toEqual([]);
    expect(watched.snapshots.map(({ trust }) => trust)).toEqual(["authoritative"]);
  });

  it("is taken for one when the same backend counts lower than before", async () => {
    let index = 850;
    stream(() => index);
    const watched = watch();
    await watched.until("the view", () => watched.ages.length > 0);
    index = 20;
    fake.touch();
    await watched.until("the reset", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "protocol-reset",
      message: expect.stringContaining("went back from 850 to 20"),
    });
  });

  it("in mode cached says by Age how long it has lost its servers, whatever the answer is called", async () => {
    fake.headers = {
      ...fake.headers,
      age: "7",
      "x-cache": "HIT",
      "x-consul-effective-consistency": "leader",
    };
    const watched = watch({ mode: "cached" });
    await watched.until("the list", () => watched.snapshots.length === 1);
    expect(watched.last).toMatchObject({ trust: "authoritative", ageMs: 7000 });
    await eventually("a long poll", () => fake.waiting === 1);
    expect(fake.seen.map(({ query }) => query.has("cached"))).toEqual([true, true]);
    fake.headers["age"] = "9";
    fake.touch();
    await watched.until("a confirmation", () => watched.ages.length === 1);
    expect(watched.ages).toEqual([9000]);
  });

  it("that answers with less than was asked for says how old it is", async () => {
    fake.headers = {
      "x-consul-knownleader": "true",
      "x-consul-lastcontact": "450",
      "x-consul-effective-consistency": "stale",
    };
    const watched = watch({ mode: "default" });
    await watched.until("the list", () => watched.snapshots.length === 1);
    expect(watched.last?.ageMs).toBe(450);
  });

  it("is believed when it says that it filtered the list, empty or not", async () => {
    fake.headers["x-consul-results-filtered-by-acls"] = "true";
    const watched = watch();
    await watched.until("the error", () => watched.errors.length === 1);
    expect(watched.log).toEqual(["snapshot bound suspect 1", "error auth"]);
  });

  it("that fails every query that waits is polled without waiting, and tried again after a minute", async () => {
    const clock = new ManualClock();
    let isBroken = true;
    fake.script = ({ query }, response) => {
      if (!isBroken || query.get("index") === null) return false;
      response.writeHead(500).end("rpc error: streaming is not what it will be");
      return true;
    };
    const watched = watch({}, { clock });
    const waits = (): number => fake.seen.filter(({ query }) => query.get("index") !== null).length;
    await eventually("three failures", () => {
      void clock.advance(50);
      return waits() === 3 && watched.errors.length === 3;
    });
    // Polls every 2 s see changes meanwhile.
    fake.services.set("web", [entry("b")]);
    await eventually("the change", () => {
      void clock.advance(20);
      return watched.states[0] === "b healthy";
    });
    expect([waits(), watched.errors.length]).toEqual([3, 3]);
    isBroken = false;
    await eventually("waiting again", () => {
      void clock.advance(1000);
      return fake.waiting === 1;
    });
    fake.put("web", [entry("c")]);
    await eventually("the change, without a poll", () => watched.states[0] === "c healthy");
  });
});

describe("the trust in queries that wait", () => {
  it("is lost after three failures in a row, comes back after a minute, and is lost again by one", () => {
    const trust = new BlockingTrust();
    trust.heard(500, 0);
    trust.heard(200, 0);
    trust.heard(500, 0);
    trust.heard(503, 1);
    expect(trust.isTrusted(1)).toBe(true);
    trust.heard(500, 2);
    expect([trust.isTrusted(2), trust.isTrusted(60_001), trust.isTrusted(60_002)]).toEqual([
      false,
      false,
      true,
    ]);
    trust.heard(500, 60_002);
    expect(trust.isTrusted(60_003)).toBe(false);
    trust.heard(200, 200_000);
    trust.heard(500, 200_001);
    expect(trust.isTrusted(200_002)).toBe(true);
  });
});
