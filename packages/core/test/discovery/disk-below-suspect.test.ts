import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it, onTestFinished, vi } from "vitest";

import { merge } from "../../src/discovery/combine/merge.ts";
import { withCache } from "../../src/discovery/combine/with-cache.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { bound, list, rig, rigFor, serving } from "./rig.ts";

/** What the source says before the disk was asked, and may not be all: `a` is heavy, `x` is where `c` was. */
const suspect = bound([fakeEndpoint("a", { weight: 5 }), fakeEndpoint("x", { host: "10.9.9.9" })], {
  trust: "suspect",
});
const cached = bound(
  [fakeEndpoint("a", { weight: 1 }), fakeEndpoint("b"), fakeEndpoint("c", { host: "10.9.9.9" })],
  { trust: "cached", ageMs: 60_000 },
);
/** Longer than changes are collected. */
const later = 50;

describe("a disk's list, where the source has only said what may be a part", () => {
  it.for([
    ["after it", [suspect, cached]],
    ["before it", [cached, suspect]],
  ] as const)("adds to that when it comes %s, and changes nothing of it", async ([, snapshots]) => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    for (const snapshot of snapshots) {
      source.push("orders", snapshot);
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await clock.advance(later);
    }
    expect(serving(orders)).toBe("a b x");
    expect(orders.current).toMatchObject({
      endpoints: [{ weight: 5 }, {}, { host: "10.9.9.9" }],
      stale: true,
      from: "disk",
    });
    // It is as fresh as what the source itself said.
    expect(directory.dump()[0]?.ageMs).toBeLessThan(1_000);
  });

  it("stays while the source may leave something out, and goes when it says all", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.push("orders", suspect);
    source.push("orders", cached);
    source.push("orders", bound(list("d"), { trust: "suspect" }));
    await clock.advance(later);
    expect(serving(orders)).toBe("a b d x");
    source.push("orders", bound(list("a", "b", "d")));
    await clock.advance(later);
    expect(serving(orders)).toBe("a b d");
    expect(orders.current).toMatchObject({ stale: false, from: "live" });
  });

  it("is lost by accident like any other: most of it gone at once is kept for a while", async () => {
    const { clock, directory, said, source } = rig();
    const orders = directory.subscribe("orders");
    source.push("orders", suspect);
    source.push("orders", bound(list("b", "c", "d", "e"), { trust: "cached" }));
    source.push("orders", bound(list("a")));
    await clock.advance(later);
    expect(serving(orders)).toBe("a (b) (c) (d) (e) (x)");
    expect(said("discovery.protected")).toMatchObject([{ reason: "shrink", kept: 5 }]);
  });

  it("is taken anew when the disk is read again", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.push("orders", suspect);
    source.push("orders", cached);
    await clock.advance(later);
    source.push("orders", bound(list("a", "e"), { trust: "cached" }));
    await clock.advance(later);
    expect(serving(orders)).toBe("a e x");
    expect(orders.current).toMatchObject({ endpoints: [{ weight: 5 }, {}, {}] });
  });

  it("counts no more once the source has spoken with authority, even if nobody was told yet", async () => {
    for (const wait of [later, 0]) {
      const { clock, directory, source } = rig();
      const orders = directory.subscribe("orders");
      source.push("orders", suspect);
      // One that takes nothing away and makes nothing worse is collected with others.
      source.push("orders", bound([...suspect.endpoints, fakeEndpoint("d")]));
      // eslint-disable-next-line no-await-in-loop -- one case after the other
      await clock.advance(wait);
      source.push("orders", cached);
      // eslint-disable-next-line no-await-in-loop -- as above
      await clock.advance(later);
      expect(serving(orders)).toBe("a d x");
      expect(orders.current).toMatchObject({ stale: false, from: "live" });
    }
  });

  it("is there again after everything was given up", async () => {
    const { clock, directory, source } = rig({ onDataError: "drop" });
    const orders = directory.subscribe("orders");
    source.push("orders", bound(list("d")));
    source.fail("orders", { class: "data", message: "nonsense" });
    source.push("orders", suspect);
    source.push("orders", cached);
    await clock.advance(later);
    expect(serving(orders)).toBe("a b x");
  });

  it("fills up to the limit", async () => {
    const { clock, directory, source } = rig({ maxEndpoints: 3 });
    const orders = directory.subscribe("orders");
    source.push("orders", bound(list("y", "z"), { trust: "suspect" }));
    source.push("orders", bound(list("a", "b", "c"), { trust: "cached" }));
    await clock.advance(later);
    expect(serving(orders)).toBe("a y z");
  });
});

describe("the cache of a source that at first knows only a part", () => {
  it.for(["alone", "in a merge"] as const)("%s is not kept out by that", async (how) => {
    const directory = await mkdtemp(join(tmpdir(), "proxyless-suspect-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const start = () => {
      const source = fakeSource({ silent: true });
      const kept = withCache(source, { directory });
      const other = fakeSource({ silent: true });
      const made = rigFor(how === "alone" ? kept : merge({ m: kept, other }, { settleMs: 0 }));
      return { source, other, ...made };
    };
    const before = start();
    before.directory.subscribe("orders");
    await before.clock.advance(0);
    before.source.push("orders", bound(list("a", "b")));
    await vi.waitFor(
      async () => {
        await before.clock.advance(1_000);
        expect(await readdir(directory)).toHaveLength(1);
      },
      { timeout: 10_000 },
    );
    await before.directory.close();

    const after = start();
    const orders = after.directory.subscribe("orders");
    await after.clock.advance(0);
    const label = how === "alone" ? "" : "m/";
    after.source.push("orders", bound([fakeEndpoint("a", { weight: 5 })], { trust: "suspect" }));
    await after.clock.advance(later);
    expect(serving(orders)).toBe(`${label}a`);
    await vi.waitFor(
      async () => {
        await after.clock.advance(500);
        expect(serving(orders)).toBe(`${label}a ${label}b`);
      },
      { timeout: 10_000 },
    );
    expect(orders.current).toMatchObject({ endpoints: [{ weight: 5 }, {}], stale: true });
    // What the source says next of that part counts, and the rest stays.
    after.source.push("orders", bound([fakeEndpoint("a", { weight: 7 })], { trust: "suspect" }));
    await after.clock.advance(later);
    expect(orders.current).toMatchObject({ endpoints: [{ weight: 7 }, {}], stale: true });
    await after.directory.close();
  });
});
