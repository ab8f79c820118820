import type { Watching } from "@proxyless/core/testing";
import type { ConsulOptions } from "@proxyless/discovery-consul";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { put, watchConsul } from "./watch.ts";

let agent: ConsulAgent;

beforeAll(async () => {
  agent = await startConsul();
}, 120_000);

afterAll(() => agent.stop());

beforeEach(async () => {
  const services = await agent.call("GET", "/v1/agent/services");
  const ids = typeof services === "object" && services !== null ? Object.keys(services) : [];
  await Promise.all(ids.map((id) => agent.call("PUT", `/v1/agent/service/deregister/${id}`)));
});

function watch(options: Partial<ConsulOptions> = {}): Watching {
  const made = watchConsul({ url: agent.url, ...options });
  onTestFinished(() => made.stop());
  return made;
}

describe("a real agent", { timeout: 30_000 }, () => {
  it("tells of each new instance, one after the other", async () => {
    const web = watch();
    await web.untilStates([]);
    for (let i = 0; i < 20; i++) {
      await Promise.all([put(agent, `web-${i}`), web.until("it", () => web.states.length === i + 1)]);
    }
    expect(web.errors).toEqual([]);
  });

  it("reports metadata, weights, tags, zone, version and address as they were registered", async () => {
    await put(agent, "web-1", {
      Tags: ["blue"],
      Meta: { version: "2", zone: "z1", team: "a" },
      Weights: { Passing: 7, Warning: 2 },
    });
    const web = watch();
    await web.untilStates(["web-1 healthy"]);
    expect(web.snapshots.at(-1)).toMatchObject({ kind: "bound", trust: "authoritative", ageMs: 0 });
    expect(web.snapshots.at(-1)?.endpoints).toEqual([
      {
        id: "dc1/server-1/web-1",
        host: "10.9.0.1",
        port: 8080,
        weight: 7,
        priority: 0,
        health: "healthy",
        version: "2",
        locality: { region: "dc1", zone: "z1" },
        metadata: { version: "2", zone: "z1", team: "a", tags: "blue" },
      },
    ]);
  });

  it("follows a check through passing, warning and critical", async () => {
    await put(agent, "web-1", {
      Weights: { Passing: 7, Warning: 2 },
      Check: { CheckID: "c1", TTL: "60s", Status: "passing" },
    });
    const web = watch();
    await web.untilStates(["web-1 healthy"]);
    await agent.call("PUT", "/v1/agent/check/warn/c1");
    await web.untilStates(["web-1 degraded"]);
    expect(web.snapshots.at(-1)?.endpoints[0]?.weight).toBe(2);
    await agent.call("PUT", "/v1/agent/check/fail/c1");
    await web.untilStates(["web-1 unhealthy"]);
    await agent.call("PUT", "/v1/agent/check/pass/c1");
    await web.untilStates(["web-1 healthy"]);
  });

  it("sees maintenance of an instance, and of its node, as draining", async () => {
    await put(agent, "web-1");
    await put(agent, "web-2");
    const web = watch();
    await web.untilStates(["web-1 healthy", "web-2 healthy"]);
    await agent.call("PUT", "/v1/agent/service/maintenance/web-1?enable=true&reason=upgrade");
    await web.untilStates(["web-1 draining", "web-2 healthy"]);
    await agent.call("PUT", "/v1/agent/service/maintenance/web-1?enable=false");
    await web.untilStates(["web-1 healthy", "web-2 healthy"]);
    await agent.call("PUT", "/v1/agent/maintenance?enable=true");
    await web.untilStates(["web-1 draining", "web-2 draining"]);
    await agent.call("PUT", "/v1/agent/maintenance?enable=false");
    await web.untilStates(["web-1 healthy", "web-2 healthy"]);
    expect(web.errors).toEqual([]);
  });

  it("sees instances go, and the service with the last of them", async () => {
    await put(agent, "web-1");
    await put(agent, "web-2");
    const web = watch();
    await web.untilStates(["web-1 healthy", "web-2 healthy"]);
    await agent.call("PUT", "/v1/agent/service/deregister/web-1");
    await web.untilStates(["web-2 healthy"]);
    await agent.call("PUT", "/v1/agent/service/deregister/web-2");
    await web.until("absent", () => web.snapshots.at(-1)?.kind === "absent");
    expect(web.snapshots.at(-1)?.trust).toBe("authoritative");
  });

  it("narrows by tag, by all of several tags and by filter, without calling the rest absent", async () => {
    await put(agent, "web-1", { Tags: ["blue"], Meta: { v: "1" } });
    await put(agent, "web-2", { Tags: ["blue", "canary"], Meta: { v: "2" } });
    const blue = watch({ tags: "blue" });
    const both = watch({ tags: ["blue", "canary"] });
    const filtered = watch({ filter: 'Service.Meta.v == "1"' });
    const none = watch({ tags: "green" });
    await blue.untilStates(["web-1 healthy", "web-2 healthy"]);
    await both.untilStates(["web-2 healthy"]);
    await filtered.untilStates(["web-1 healthy"]);
    await none.untilStates([]);
    expect(none.snapshots.at(-1)?.kind).toBe("bound");
  });

  it.each(["stale", "default", "consistent", "cached"] as const)(
    "follows changes in mode %s",
    async (mode) => {
      const web = watch({ mode });
      await web.untilStates([]);
      await put(agent, "web-1");
      await web.untilStates(["web-1 healthy"]);
      await put(agent, "web-2");
      await web.untilStates(["web-1 healthy", "web-2 healthy"]);
      expect(web.errors).toEqual([]);
    },
  );

  it("says config for a bad filter, an unknown datacenter and a namespace that there cannot be", async () => {
    const wrong = [
      watch({ filter: "===" }),
      watch({ datacenter: "nowhere" }),
      watch({ namespace: "team-a" }),
    ];
    await Promise.all(wrong.map((web) => web.until("an error", () => web.errors.length > 0)));
    expect(wrong.map(({ errors }) => errors[0]?.class)).toEqual(["config", "config", "config"]);
    expect(wrong[1]?.errors[0]?.message).toContain("No path to datacenter");
  });

  it("confirms an idle list when the wait is over", async () => {
    await put(agent, "web-1");
    const web = watch({ waitMs: 1000 });
    await web.untilStates(["web-1 healthy"]);
    await web.until("a confirmation", () => web.ages.length > 0);
    expect(web.errors).toEqual([]);
  });

  it("is not disturbed by a hung agent, and notices it", async () => {
    await put(agent, "web-1");
    const web = watch({ requestTimeoutMs: 300 });
    await web.untilStates(["web-1 healthy"]);
    await agent.pause();
    try {
      web.refresh();
      await web.until("an error", () => web.errors.length > 0);
    } finally {
      agent.resume();
    }
    expect(web.errors[0]).toMatchObject({ class: "transient" });
    await web.until("a confirmation", () => web.ages.length > 0);
    expect(web.states).toEqual(["web-1 healthy"]);
  });
});
