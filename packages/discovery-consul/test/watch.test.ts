import { merge } from "@proxyless/core/discovery";
import { ManualClock, Watching } from "@proxyless/core/testing";
import type { WatchingOptions } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { watchConsul } from "../../../test/consul/watch.ts";
import { eventually } from "../../../test/support/watching.ts";
import { consul } from "../src/index.ts";
import type { ConsulOptions } from "../src/index.ts";
import { entry, FakeConsul } from "./support/fake-consul.ts";

let fake: FakeConsul;
let watches: Watching[];

beforeEach(async () => {
  fake = await FakeConsul.start();
  watches = [];
});

afterEach(async () => {
  await Promise.all(watches.map((each) => each.stop()));
  await fake.close();
});

function watch(options: Partial<ConsulOptions> = {}, more: WatchingOptions = {}, service = "web"): Watching {
  const made = watchConsul({ url: fake.url, ...options }, service, more);
  watches.push(made);
  return made;
}

function indexes(): (string | null)[] {
  return fake.seen.map(({ query }) => query.get("index"));
}

describe("a watch", { timeout: 30_000 }, () => {
  it("asks at once, then waits on the index it got, and tells each change", async () => {
    fake.put("web", [entry("a")]);
    const watched = watch();
    await watched.until("the first list", () => watched.snapshots.length === 1);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.put("web", [entry("a"), entry("b")]);
    await watched.until("the second list", () => watched.snapshots.length === 2);
    expect(watched.states).toEqual(["a healthy", "b healthy"]);
    expect(watched.last).toMatchObject({ kind: "bound", trust: "authoritative", revision: "12" });
    expect(indexes().slice(0, 2)).toEqual([null, "11"]);
    expect(fake.seen[1]?.query.get("wait")).toBe("30000ms");
  });

  it("says that an answer without change confirms the list", async () => {
    fake.put("web", [entry("a")]);
    const watched = watch();
    await eventually("a long poll", () => fake.waiting === 1);
    fake.touch();
    await watched.until("a confirmation", () => watched.ages.length === 1);
    expect(watched.snapshots).toHaveLength(1);
  });

  it("bug 7 and point 6, an index that is never reset: starts over when the index goes back, so that changes on the new count are seen", async () => {
    fake.index = 337;
    fake.put("web", [entry("a")]);
    const watched = watch();
    await eventually("a long poll", () => fake.waiting === 1);
    fake.touch(7);
    await eventually("a long poll on the new index", () => indexes().at(-1) === "7");
    expect(indexes()).toEqual([null, "338", null, "7"]);
    fake.put("web", [entry("b")]);
    await watched.until("the change", () => watched.states[0] === "b healthy");
  });

  it("removes nothing on the word of an answer whose index went back, until it has asked afresh", async () => {
    fake.index = 337;
    fake.put("web", [entry("a"), entry("b")]);
    const watched = watch();
    await eventually("a long poll", () => fake.waiting === 1);
    fake.once((_, response) => {
      fake.answer(response, JSON.stringify([entry("a")]), { "x-consul-index": "7" });
    });
    fake.touch();
    await watched.until("a trusted list", () => watched.snapshots.length === 3);
    const list = "snapshot bound authoritative 2";
    expect(watched.log).toEqual([list, "alive", "snapshot bound suspect 1", "error protocol-reset", list]);
    expect(watched.errors[0]?.message).toBe(
      "service web: Consul's index went back from 339 to 7; it is asked afresh",
    );
  });

  it("point 6, an index of 0: waits on 1 when the index is 0, because waiting on 0 never waits", async () => {
    fake.index = -1;
    fake.put("web", [entry("a")]);
    watch();
    await eventually("a second query", () => fake.seen.length >= 2);
    expect(indexes()[1]).toBe("1");
  });

  it("keeps 64-bit indexes exact", async () => {
    fake.script = (_, response) => {
      if (fake.seen.length > 1) return;
      fake.answer(response, JSON.stringify([entry("a")]), { "x-consul-index": "18446744073709551615" });
    };
    watch();
    await eventually("a second query", () => fake.seen.length >= 2);
    expect(indexes()[1]).toBe("18446744073709551615");
  });

  it("polls, without waiting on anything, where no index comes", async () => {
    fake.script = (_, response) => {
      response.writeHead(200).end(JSON.stringify([entry("a")]));
    };
    const watched = watch();
    await watched.until("three confirmations", () => watched.ages.length >= 3);
    expect(new Set(indexes())).toEqual(new Set([null]));
  });

  it("reports a service that nobody registered as absent, and its coming at once", async () => {
    const watched = watch();
    await watched.until("an answer", () => watched.snapshots.length === 1);
    expect(watched.last).toMatchObject({ kind: "absent", trust: "authoritative", endpoints: [] });
    await eventually("a long poll", () => fake.waiting === 1);
    fake.put("web", [entry("a")]);
    await watched.until("the list", () => watched.states.length === 1);
  });

  it("does not call a filtered service absent: there may be instances that do not fit", async () => {
    const watched = watch({ tags: ["blue", "x/y"], filter: 'Service.Meta.v == "2"' });
    await watched.until("an answer", () => watched.snapshots.length === 1);
    expect(watched.last?.kind).toBe("bound");
    expect(fake.seen[0]?.query.getAll("tag")).toEqual(["blue", "x/y"]);
    expect(fake.seen[0]?.query.get("filter")).toBe('Service.Meta.v == "2"');
  });

  it("puts datacenter, namespace, partition and mode into the question, and the name safely into the path", async () => {
    const watched = watch(
      { datacenter: "dc2", namespace: "ns1", partition: "p1", mode: "cached", url: `${fake.url}/consul/` },
      {},
      "a/b?c",
    );
    fake.script = (_, response) => {
      fake.answer(response, "[]");
    };
    await watched.until("an answer", () => watched.log.length > 0);
    expect(fake.seen[0]?.path).toBe("/consul/v1/health/service/a%2Fb%3Fc");
    expect(String(fake.seen[0]?.query)).toBe("dc=dc2&ns=ns1&partition=p1&cached=");
  });

  it("never sends passing, so that unhealthy and unknown stay different", async () => {
    fake.put("web", [entry("a", { checks: [{ CheckID: "c", Status: "critical" }] })]);
    const watched = watch();
    await watched.until("the list", () => watched.snapshots.length === 1);
    expect(watched.states).toEqual(["a unhealthy"]);
    expect(fake.seen[0]?.query.has("passing")).toBe(false);
  });

  it("tells how old Consul says its knowledge is", async () => {
    fake.headers["x-consul-lastcontact"] = "40";
    fake.put("web", [entry("a")]);
    const watched = watch();
    await watched.until("the list", () => watched.snapshots.length === 1);
    expect(watched.last?.ageMs).toBe(40);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.headers["age"] = "7";
    fake.touch();
    await watched.until("a confirmation", () => watched.ages.length === 1);
    expect(watched.ages).toEqual([7000]);
  });

  it("asks again at once on a hint, and confirms an empty answer with the quorum", async () => {
    fake.put("web", [entry("a")]);
    const watched = watch();
    await eventually("a long poll", () => fake.waiting === 1);
    watched.refresh();
    await watched.until("a confirmation", () => watched.ages.length === 1);
    fake.put("web", []);
    await watched.until("an empty list", () => watched.last?.endpoints.length === 0);
    watched.refresh("confirm absent");
    await eventually("a consistent question", () => fake.seen.some(({ query }) => query.has("consistent")));
    expect(fake.seen.find(({ query }) => query.has("consistent"))?.query.get("index")).toBeNull();
  });

  it("stays calm, and quick, when the index never stops moving", async () => {
    const clock = new ManualClock();
    fake.script = (_, response) => {
      fake.index++;
      fake.answer(response, JSON.stringify([entry(`i${fake.index}`)]));
    };
    watch({}, { clock, random: () => 0.5 });
    await eventually("two queries in a row", () => fake.seen.length >= 2);
    for (let i = 0; i < 3000; i++) {
      // eslint-disable-next-line no-await-in-loop -- time moves in steps, each long enough for an answer
      await clock.advance(10);
    }
    expect(fake.seen.length).toBeGreaterThan(100);
    expect(fake.seen.length).toBeLessThan(270);
  });

  it("keeps the number of long polls under its limit and serves the rest by polling", async () => {
    for (const name of ["a", "b", "c", "d"]) fake.services.set(name, [entry(name)]);
    const clock = new ManualClock();
    const source = consul({ url: fake.url, maxConcurrentWatches: 2, overflowPollMs: 500 });
    const abort = new AbortController();
    const heard: string[] = [];
    const handles = ["a", "b", "c", "d"].map((service) =>
      source.watch(
        { service },
        {
          snapshot: ({ endpoints }) => heard.push(`${service} ${endpoints[0]?.port}`),
          alive: () => undefined,
          error: () => undefined,
        },
        { signal: abort.signal, clock, random: () => 0.5 },
      ),
    );
    await eventually(
      "everyone's first list and two long polls",
      () => heard.length === 4 && fake.waiting === 2,
    );
    fake.services.set("d", [entry("d", { service: { Port: 9090 } })]);
    await clock.advance(500);
    await eventually("the polled change", () => heard.includes("d 9090"));
    expect(fake.waiting).toBe(2);
    abort.abort();
    await Promise.all(handles.map(({ done }) => done));
  });

  it("lets go of everything when it is aborted while waiting, and says nothing more", async () => {
    fake.put("web", [entry("a")]);
    const made = watch();
    await eventually("a long poll", () => fake.waiting === 1);
    await made.stop();
    const heard = made.log.length;
    await eventually("the poll's end", () => fake.waiting === 0);
    fake.put("web", [entry("b")]);
    expect(made.log).toHaveLength(heard);
  });

  it("of another token is another watch, also where the keys are the same", async () => {
    const sources = {
      one: consul({ url: fake.url, token: "1" }),
      two: consul({ url: fake.url, token: "2" }),
    };
    const made = new Watching(merge(sources), "web");
    watches.push(made);
    await eventually("two long polls", () => fake.waiting === 2);
    expect(new Set(fake.seen.map(({ token }) => token))).toEqual(new Set(["1", "2"]));
  });

  it("has a key that tells apart what is answered differently and has nothing of a token in it", () => {
    const base = { url: fake.url, token: "one" };
    const key = (options: ConsulOptions, service = "web"): string => consul(options).key({ service });
    const keys = [
      key(base),
      key(base, "api"),
      key({ url: fake.url }),
      key({ url: fake.url, tokenFile: "/run/one" }),
      key({ url: fake.url, tokenFile: "/run/two" }),
      key({ ...base, datacenter: "dc2" }),
      key({ ...base, filter: "x" }),
      key({ ...base, tags: "x" }),
      key({ ...base, mode: "default" }),
      key({ ...base, namespace: "n" }),
      key({ ...base, addressTag: "wan" }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(key(base)).toBe(key({ ...base, token: "other" }));
  });
});
