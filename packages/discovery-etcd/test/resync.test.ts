import { ManualClock } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { eventually, watching } from "../../../test/support/watching.ts";
import { etcd } from "../src/index.ts";
import { FakeEtcd } from "./support/fake-etcd.ts";

let fake: FakeEtcd;

beforeEach(async () => {
  fake = await FakeEtcd.start();
  fake.put("web/a", "10.0.0.1:80");
});

afterEach(() => fake.close());

describe("the list that is read beside the watch", { timeout: 30_000 }, () => {
  it("confirms what is known, between two thirds and four thirds of the period", async () => {
    const clock = new ManualClock();
    const watched = watching(etcd({ url: fake.url, resyncMs: 60_000 }), "web", { clock, random: () => 0.5 });
    await watched.untilAddresses(["10.0.0.1:80"]);
    await clock.advance(59_000);
    expect(fake.count("/v3/kv/range")).toBe(1);
    await clock.advance(2000);
    await watched.until("alive", () => watched.log.includes("alive"));
    expect(fake.count("/v3/kv/range")).toBe(2);
    expect(fake.count("/v3/watch")).toBe(1);
  });

  it("finds what the watch lost, and begins another when that one stays silent", async () => {
    const clock = new ManualClock();
    const watched = watching(etcd({ url: fake.url, resyncMs: 60_000 }), "web", { clock, random: () => 0.5 });
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.write("web/b", "10.0.0.2:80");
    await clock.advance(61_000);
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(fake.count("/v3/watch")).toBe(1);
    await clock.advance(6000);
    await watched.until("an error", () => watched.errors.length === 1);
    expect(watched.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("missed a change"),
    });
    await clock.advance(6000);
    await eventually("another watch", () => fake.count("/v3/watch") === 2);
  });

  it("leaves a watch alone that tells the same a moment later", async () => {
    const clock = new ManualClock();
    const watched = watching(etcd({ url: fake.url, resyncMs: 60_000 }), "web", { clock, random: () => 0.5 });
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.write("web/b", "10.0.0.2:80");
    const late = fake.event("web/b");
    await clock.advance(61_000);
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    const told = watched.snapshots.length;
    fake.tell(late);
    await watched.until("alive", () => watched.log.includes("alive"));
    await clock.advance(10_000);
    expect([fake.count("/v3/watch"), watched.errors.length, watched.snapshots.length]).toEqual([1, 0, told]);
  });

  it.each<[string, () => void, string]>([
    ["was set back", () => undefined, "etcd was set back from revision 50 to 10"],
    ["is another one", () => (fake.clusterId = "999"), "another cluster answers now"],
  ])("finds that the cluster %s, says so once, and begins the watch anew", async (_, change, message) => {
    const clock = new ManualClock();
    fake.revision = 50;
    const watched = watching(etcd({ url: fake.url, resyncMs: 60_000 }), "web", { clock, random: () => 0.5 });
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.keys.clear();
    fake.revision = 9;
    change();
    fake.write("web/z", "10.0.0.9:80");
    await clock.advance(61_000);
    await watched.untilAddresses(["10.0.0.9:80"]);
    await eventually("another watch", () => fake.count("/v3/watch") === 2 && fake.watches.size === 1);
    expect(watched.errors).toEqual([{ class: "protocol-reset", message: `web/: ${message}` }]);
    const asked = fake.count("/v3/kv/range");
    await clock.advance(61_000);
    await watched.until("alive", () => watched.log.includes("alive"));
    expect(fake.count("/v3/kv/range")).toBe(asked + 1);
    expect(watched.errors).toHaveLength(1);
  });

  it("ends a watch on a member that does not answer any more", async () => {
    const clock = new ManualClock();
    const watched = watching(etcd({ url: fake.url, resyncMs: 60_000 }), "web", { clock, random: () => 0.5 });
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.script = () => true;
    await clock.advance(61_000);
    await eventually("a list is asked for", () => fake.count("/v3/kv/range") === 2);
    await clock.advance(3001);
    await watched.until("an error", () => watched.errors.length === 1);
    expect(watched.errors[0]?.message).toContain("no answer within 3000 ms");
    await eventually("the watch is let go", () => fake.watches.size === 0);
  });
});
