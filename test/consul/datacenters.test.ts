import { createMesh } from "@proxyless/core";
import type { Watching } from "@proxyless/core/testing";
import { consul, consulQuery } from "@proxyless/discovery-consul";
import type { ConsulOptions } from "@proxyless/discovery-consul";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { startConsulDatacenters, until } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { instance } from "./traffic.ts";
import { put, watchConsul, watchById } from "./watch.ts";

const agents: ConsulAgent[] = [];

beforeAll(async () => {
  agents.push(...(await startConsulDatacenters(["dc1", "dc2"])));
}, 120_000);

afterAll(() => Promise.all(agents.map((agent) => agent.stop())));

function agentOf(datacenter: "dc1" | "dc2"): ConsulAgent {
  const agent = agents[datacenter === "dc1" ? 0 : 1];
  if (agent === undefined) throw new Error("the agents did not start");
  return agent;
}

async function clear(agent: ConsulAgent): Promise<void> {
  const services = await agent.call("GET", "/v1/agent/services");
  const ids = typeof services === "object" && services !== null ? Object.keys(services) : [];
  await Promise.all(ids.map((id) => agent.call("PUT", `/v1/agent/service/deregister/${id}`)));
}

beforeEach(async () => {
  await Promise.all(agents.filter((agent) => !agent.isRunning).map((agent) => agent.restart()));
  await Promise.all(agents.map(clear));
});

function watchBoth(options: Partial<ConsulOptions> = {}): Watching {
  const made = watchConsul({
    url: agentOf("dc1").url,
    datacenter: ["dc1", "dc2"],
    emptyHoldMs: 0,
    ...options,
  });
  onTestFinished(() => made.stop());
  return made;
}

/** Registers an instance at an address of its own. */
async function add(datacenter: "dc1" | "dc2", id: string, more: object = {}): Promise<void> {
  const Address = `10.${datacenter.slice(2)}.0.${1 + id.charCodeAt(id.length - 1)}`;
  await put(agentOf(datacenter), id, { Address, ...more });
}

/** `id priority` of each endpoint. */
function ranked(web: Watching): string[] {
  const endpoints = web.snapshots.at(-1)?.endpoints ?? [];
  return endpoints.map(({ id, priority }) => `${id} ${priority}`).toSorted();
}

describe("two real datacenters", { timeout: 60_000 }, () => {
  it("are watched side by side: the position is the priority, and each id says where it is from", async () => {
    const web = watchBoth();
    await web.until("both empty", () => web.snapshots.at(-1)?.kind === "absent");
    // The same id in both: an agent knows nothing of the other's.
    await add("dc2", "web-1");
    await web.until("one", () => ranked(web).join() === "dc2/server-dc2/web-1 1");
    await add("dc1", "web-1");
    await web.until("two", () => ranked(web).length === 2);
    expect(ranked(web)).toEqual(["dc1/server-dc1/web-1 0", "dc2/server-dc2/web-1 1"]);
    expect(web.snapshots.at(-1)).toMatchObject({ kind: "bound", trust: "authoritative" });
    await agentOf("dc1").call("PUT", "/v1/agent/service/deregister/web-1");
    await web.until("the other alone", () => ranked(web).join() === "dc2/server-dc2/web-1 1");
    expect(web.errors).toEqual([]);
  });

  it("do not hide each other: one that dies keeps its instances, and the other's changes are seen", async () => {
    await add("dc1", "web-1");
    await add("dc2", "web-2");
    const web = watchBoth({ emptyHoldMs: 60_000 });
    await web.untilStates(["web-1 healthy", "web-2 healthy"]);
    await agentOf("dc2").kill();
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringMatching(/^\[dc2\] /),
    });
    await add("dc1", "web-3");
    await agentOf("dc1").call("PUT", "/v1/agent/service/deregister/web-1");
    await web.untilStates(["web-2 healthy", "web-3 healthy"]);
    expect(web.snapshots.at(-1)?.trust).toBe("authoritative");
    await agentOf("dc2").restart();
    await add("dc2", "web-4");
    await web.untilStates(["web-3 healthy", "web-4 healthy"], 30_000);
  });

  it("do not hide each other from the start: a datacenter that there is not, and one that is", async () => {
    await add("dc1", "web-1");
    const web = watchBoth({ datacenter: ["nowhere", "dc1"] });
    await web.untilStates(["web-1 healthy"]);
    await web.until("the error", () => web.errors.length > 0);
    expect(web.errors.at(-1)?.message).toMatch(/^\[nowhere\] .*No path to datacenter/);
    await agentOf("dc1").call("PUT", "/v1/agent/service/deregister/web-1");
    await add("dc1", "web-2");
    await web.until("the removal counts", () => web.snapshots.at(-1)?.trust === "authoritative");
    await web.untilStates(["web-2 healthy"]);
  });

  it("fail a call at once when none of them is one", async () => {
    const web = watchBoth({ datacenter: ["nowhere", "elsewhere"] });
    await web.until("config", () => web.errors.some((error) => error.class === "config"));
    expect(web.snapshots).toEqual([]);
  });

  it("take over a mesh's calls, and give them back", async () => {
    const [near, far] = [await instance(), await instance()];
    const url = agentOf("dc1").url;
    await add("dc1", "web-1", { Address: "127.0.0.1", Port: near });
    await add("dc2", "web-2", { Address: "127.0.0.1", Port: far });
    const mesh = createMesh({ discovery: consul({ url, datacenter: ["dc1", "dc2"], mode: "default" }) });
    onTestFinished(() => mesh.close());
    const answeredBy = async (port: number): Promise<true | undefined> => {
      const response = await mesh.fetch("http://web/");
      return (await response.text()) === String(port) ? true : undefined;
    };
    await until("the near one answers", 10_000, () => answeredBy(near));
    await agentOf("dc1").call("PUT", "/v1/agent/service/maintenance/web-1?enable=true");
    await until("the far one answers", 10_000, () => answeredBy(far));
    await agentOf("dc1").call("PUT", "/v1/agent/service/maintenance/web-1?enable=false");
    expect(await until("the near one answers again", 10_000, () => answeredBy(near))).toBe(true);
  });
});

describe("a real prepared query", { timeout: 60_000 }, () => {
  async function define(name: string, more: object = {}): Promise<void> {
    const failover = { Failover: { Datacenters: ["dc2"] } };
    const body = { Name: name, Service: { Service: "web", ...failover, ...more } };
    const made = await agentOf("dc1").call("POST", "/v1/query", body);
    const id = typeof made === "object" && made !== null && "ID" in made ? String(made.ID) : "";
    onTestFinished(async () => {
      await agentOf("dc1").call("DELETE", `/v1/query/${id}`);
    });
  }

  it("is absent until it is defined, then fails over and back, with the failovers as priority", async () => {
    const source = consulQuery({
      url: agentOf("dc1").url,
      query: "{service}-nearby",
      intervalMs: 100,
      mode: "default",
    });
    const web = watchById(source);
    onTestFinished(() => web.stop());
    await web.until("absent", () => web.snapshots.at(-1)?.kind === "absent");
    await define("web-nearby");
    await add("dc2", "web-2");
    await web.until("the far one", () => ranked(web).join() === "dc2/server-dc2/web-2 1");
    await add("dc1", "web-1", { Check: { CheckID: "c1", TTL: "60s", Status: "passing" } });
    await web.until("the near one", () => ranked(web).join() === "dc1/server-dc1/web-1 0");
    await agentOf("dc1").call("PUT", "/v1/agent/check/fail/c1");
    await web.until("the far one again", () => ranked(web).join() === "dc2/server-dc2/web-2 1");
    await Promise.all(agents.map(clear));
    await web.until("nobody", () => web.snapshots.at(-1)?.endpoints.length === 0);
    expect(web.snapshots.at(-1)).toMatchObject({ kind: "bound", trust: "authoritative" });
    expect(web.errors).toEqual([]);
  });

  it("is asked with a limit, and confirms what did not change", async () => {
    await define("web-few");
    await Promise.all(["a", "b", "c"].map((id) => add("dc1", id)));
    const url = agentOf("dc1").url;
    const web = watchById(
      consulQuery({ url, intervalMs: 100, limit: 3, near: "_agent", mode: "cached" }),
      "web-few",
    );
    const two = watchById(consulQuery({ url, intervalMs: 100, limit: 2 }), "web-few");
    onTestFinished(async () => {
      await Promise.all([web.stop(), two.stop()]);
    });
    await web.untilStates(["a healthy", "b healthy", "c healthy"]);
    await two.until("two of three", () => two.states.length === 2);
    await two.until("confirmations", () => two.ages.length > 2);
    expect([...web.errors, ...two.errors]).toEqual([]);
  });
});
