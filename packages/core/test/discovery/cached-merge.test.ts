import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it, onTestFinished, vi } from "vitest";

import { merge } from "../../src/discovery/combine/merge.ts";
import { withCache } from "../../src/discovery/combine/with-cache.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { bound, rigFor } from "./rig.ts";

it("a source that is not heard of does not take what the disk knows of it away", async () => {
  const directory = await mkdtemp(join(tmpdir(), "proxyless-cached-merge-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const both = () => {
    const [a, b] = [fakeSource({ silent: true }), fakeSource({ silent: true })];
    return { a, b, rig: rigFor(withCache(merge({ a, b }), { directory })) };
  };
  const before = both();
  const orders = before.rig.directory.subscribe("orders");
  await before.rig.clock.advance(0);
  before.a.push("orders", bound([]));
  before.b.push("orders", bound([fakeEndpoint("1"), fakeEndpoint("2")]));
  await vi.waitFor(async () => {
    await before.rig.clock.advance(1_000);
    expect(orders.current).toMatchObject({ status: "bound", endpoints: { length: 2 } });
  });
  await vi.waitFor(
    async () => {
      await before.rig.clock.advance(1_000);
      expect(await readdir(directory)).toHaveLength(1);
    },
    { timeout: 10_000 },
  );
  await before.rig.directory.close();

  const after = both();
  const again = after.rig.directory.subscribe("orders");
  await after.rig.clock.advance(0);
  after.a.push("orders", bound([]));
  after.b.fail("orders", { class: "transient", message: "down" });
  await vi.waitFor(
    async () => {
      await after.rig.clock.advance(100);
      expect(again.current).toMatchObject({ status: "bound", endpoints: { length: 2 } });
    },
    { timeout: 10_000 },
  );
  await after.rig.clock.advance(30_000);
  expect(again.current).toMatchObject({ status: "bound", endpoints: { length: 2 } });
  await after.rig.directory.close();
});
