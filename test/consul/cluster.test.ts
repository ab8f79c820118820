import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startConsulCluster } from "../../scripts/servers/index.ts";
import type { ConsulCluster } from "../../scripts/servers/index.ts";
import { put, watchConsul } from "./watch.ts";

let cluster: ConsulCluster;

beforeAll(async () => {
  cluster = await startConsulCluster(3);
}, 120_000);

afterAll(() => cluster.stop());

afterEach(async () => {
  const dead = cluster.agents.filter((agent) => !agent.isRunning);
  await Promise.all(dead.map((agent) => agent.restart()));
}, 60_000);

describe("a cluster of three real servers whose leader is killed", { timeout: 30_000 }, () => {
  it("loses no endpoint of its own nodes, and changes made afterwards arrive, in every mode", async () => {
    const leader = await cluster.leader();
    const [survivor, other] = cluster.agents.filter((agent) => agent !== leader);
    if (survivor === undefined || other === undefined) throw new Error("there are three servers");
    await put(survivor, "web-1");
    await put(other, "web-2");
    // The first address is the one that dies: the list is only a list when the next one is asked.
    const urls = [leader.url, survivor.url, other.url];
    const watches = (["stale", "default", "cached"] as const).map((mode) => watchConsul({ url: urls, mode }));
    const following = watchConsul({ url: survivor.url });
    onTestFinished(async () => {
      await Promise.all([...watches, following].map((web) => web.stop()));
    });
    const both = ["web-1 healthy", "web-2 healthy"];
    await Promise.all([...watches, following].map((web) => web.untilStates(both, 45_000)));
    await leader.kill();
    const next = await cluster.leader(leader);
    expect(next).not.toBe(leader);
    await put(survivor, "web-3");
    const three = [...both, "web-3 healthy"];
    await Promise.all([...watches, following].map((web) => web.untilStates(three, 45_000)));
    for (const web of [...watches, following]) {
      const trusted = web.snapshots.filter(({ trust }) => trust === "authoritative");
      const sizes = trusted.map(({ endpoints }) => endpoints.length);
      expect(Math.min(...sizes.slice(sizes.indexOf(2)))).toBe(2);
    }
    expect(watches[0]?.errors.every((error) => error.class === "transient")).toBe(true);
    await leader.restart();
    await put(survivor, "web-4");
    await Promise.all(watches.map((web) => web.untilStates([...three, "web-4 healthy"], 45_000)));
  }, 180_000);

  it("keeps its last good list, marked as doubtful, while there is no leader at all", async () => {
    const leader = await cluster.leader();
    const [survivor, other] = cluster.agents.filter((agent) => agent !== leader);
    if (survivor === undefined || other === undefined) throw new Error("there are three servers");
    const web = watchConsul({ url: survivor.url, waitMs: 1000 });
    onTestFinished(() => web.stop());
    // A server that was killed before may still be reading up on what happened meanwhile.
    const known = await leader.call("GET", "/v1/health/service/web");
    const before = Array.isArray(known) ? known.length : 0;
    await web.until("the whole list", () => web.states.length === before);
    await Promise.all([leader.kill(), other.kill()]);
    await web.until("a doubt", () => web.snapshots.at(-1)?.trust === "suspect", 45_000);
    expect(web.states).toHaveLength(before);
    await Promise.all([leader.restart(), other.restart()]);
    await web.until("trust", () => web.snapshots.at(-1)?.trust === "authoritative", 45_000);
  }, 180_000);
});
