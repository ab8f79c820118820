import { once } from "node:events";
import { createServer } from "node:http";

import { createMesh } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startConsulCluster, until } from "../../scripts/servers/index.ts";
import type { ConsulCluster } from "../../scripts/servers/index.ts";
import { put, watched } from "./watched.ts";

let cluster: ConsulCluster;

beforeAll(async () => {
  cluster = await startConsulCluster(3);
}, 120_000);

afterAll(() => cluster.stop());

afterEach(async () => {
  const dead = cluster.agents.filter((agent) => !agent.isRunning);
  await Promise.all(dead.map((agent) => agent.restart()));
}, 60_000);

/** A service that says its name; gives its port. */
async function echo(name: string): Promise<number> {
  const server = createServer((_, response) => response.end(name)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("a cluster of three real servers whose leader is killed", { timeout: 30_000 }, () => {
  it("loses no endpoint of its own nodes, and changes made afterwards arrive, in every mode", async () => {
    const leader = await cluster.leader();
    const [survivor, other] = cluster.agents.filter((agent) => agent !== leader);
    if (survivor === undefined || other === undefined) throw new Error("there are three servers");
    await put(survivor, "web-1");
    await put(other, "web-2");
    // The first address is the one that dies: the list is only a list when the next one is asked.
    const urls = [leader.url, survivor.url, other.url];
    const watches = (["stale", "default", "cached"] as const).map((mode) => watched({ url: urls, mode }));
    const following = watched({ url: survivor.url });
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

  it("costs a mesh no call, and what is registered afterwards is called", async () => {
    const leader = await cluster.leader();
    const survivor = cluster.agents.find((agent) => agent !== leader);
    if (survivor === undefined) throw new Error("there are three servers");
    const first = await echo("first");
    const second = await echo("second");
    await put(survivor, "echo-1", { Name: "echo", Address: "127.0.0.1", Port: first });
    const mesh = createMesh({ discovery: consul({ url: [leader.url, survivor.url] }) });
    const answers = new Map<string, number>();
    const over = new AbortController();
    const traffic = (async () => {
      while (!over.signal.aborted) {
        // eslint-disable-next-line no-await-in-loop -- one call after the other; the first that fails fails the test
        const said = await (await mesh.fetch("http://echo/")).text();
        answers.set(said, (answers.get(said) ?? 0) + 1);
      }
    })();
    onTestFinished(async () => {
      over.abort();
      await traffic.catch(() => undefined);
      await mesh.close();
    });
    await until("calls", 10_000, async () => (answers.has("first") ? true : undefined));
    await leader.kill();
    await cluster.leader(leader);
    await put(survivor, "echo-2", { Name: "echo", Address: "127.0.0.1", Port: second });
    await until("calls to the newcomer", 30_000, async () => (answers.has("second") ? true : undefined));
    over.abort();
    await traffic;
    expect([...answers.keys()].toSorted()).toEqual(["first", "second"]);
  }, 180_000);

  it("keeps its last good list, marked as doubtful, while there is no leader at all", async () => {
    const leader = await cluster.leader();
    const [survivor, other] = cluster.agents.filter((agent) => agent !== leader);
    if (survivor === undefined || other === undefined) throw new Error("there are three servers");
    const web = watched({ url: survivor.url, waitMs: 1000 });
    onTestFinished(() => web.stop());
    await web.until("a list", () => web.states().length > 0);
    const before = web.states().length;
    await Promise.all([leader.kill(), other.kill()]);
    await web.until("a doubt", () => web.snapshots.at(-1)?.trust === "suspect", 45_000);
    expect(web.states()).toHaveLength(before);
    await Promise.all([leader.restart(), other.restart()]);
    await web.until("trust", () => web.snapshots.at(-1)?.trust === "authoritative", 45_000);
  }, 180_000);
});
