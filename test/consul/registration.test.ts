import { createMesh } from "@proxyless/core";
import type { RegistrationHandle } from "@proxyless/core/discovery";
import { ManualClock } from "@proxyless/core/testing";
import { consul, consulRegistrar } from "@proxyless/discovery-consul";
import type { ConsulInstance } from "@proxyless/discovery-consul";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startConsul, until } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { ServiceProcess } from "./service-process.ts";
import { instance, Traffic } from "./traffic.ts";
import { put, watchConsul } from "./watch.ts";

let agent: ConsulAgent;

beforeAll(async () => {
  agent = await startConsul();
}, 120_000);

afterAll(() => agent.stop());

/** The agent's own list: what stands there under an id. */
async function listed(id: string): Promise<Record<string, unknown> | undefined> {
  const services = await agent.call("GET", "/v1/agent/services");
  return services !== null && typeof services === "object" ? Reflect.get(services, id) : undefined;
}

async function statusOf(id: string): Promise<string> {
  const checks = await agent.call("GET", "/v1/agent/checks");
  const check: unknown =
    checks !== null && typeof checks === "object" ? Reflect.get(checks, `service:${id}`) : {};
  return check !== null && typeof check === "object" && "Status" in check ? String(check.Status) : "gone";
}

async function register(clock: ManualClock, more: Partial<ConsulInstance> = {}): Promise<RegistrationHandle> {
  const registrar = consulRegistrar({ url: agent.url, clock });
  const handle = await registrar.register({
    service: "kept",
    id: "kept-1",
    host: "10.0.0.1",
    port: 80,
    ...more,
  });
  onTestFinished(() => handle.deregister({ propagationMs: 0 }));
  return handle;
}

/** Lets manual time pass until something holds of the real agent. */
async function whileTimePasses(
  what: string,
  clock: ManualClock,
  holds: () => Promise<boolean>,
): Promise<void> {
  await until(what, 10_000, async () => {
    await clock.advance(1000);
    return (await holds()) ? true : undefined;
  });
}

describe("point 25, a registration with a real agent", { timeout: 60_000 }, () => {
  it("that an operator deletes is there again at the next beat", async () => {
    const clock = new ManualClock();
    const handle = await register(clock);
    await agent.call("PUT", "/v1/agent/service/deregister/kept-1");
    expect(await listed("kept-1")).toBeUndefined();
    await whileTimePasses("the entry", clock, async () => (await listed("kept-1")) !== undefined);
    expect(handle.state).toBe("registered");
    expect(await statusOf("kept-1")).toBe("passing");
  });

  it.each([
    ["a TTL check", {}],
    ["an HTTP check", { check: { http: "http://127.0.0.1:9/", intervalMs: 60_000 } }],
  ])("that somebody writes over is what it was before, with %s", async (_, more) => {
    const clock = new ManualClock();
    await register(clock, { metadata: { team: "a" }, tags: ["blue", "green"], ...more });
    const before = await listed("kept-1");
    const other = { ID: "kept-1", Name: "kept", Address: "10.9.9.9", Port: 81, Tags: ["stolen"] };
    await agent.call("PUT", "/v1/agent/service/register", other);
    expect(await listed("kept-1")).toMatchObject({ Port: 81 });
    await whileTimePasses("the right entry", clock, async () => (await listed("kept-1"))?.["Port"] === 80);
    expect(await listed("kept-1")).toEqual(before);
  });

  it("that lost its lease is passing again at the next beat", async () => {
    const clock = new ManualClock();
    await register(clock, { check: { ttlMs: 3000 } });
    // The manual clock stands still, and the agent's does not.
    await until("the TTL runs out", 15_000, async () =>
      (await statusOf("kept-1")) === "critical" ? true : undefined,
    );
    await whileTimePasses("passing", clock, async () => (await statusOf("kept-1")) === "passing");
    expect(await statusOf("kept-1")).toBe("passing");
  });

  it("beats at once after its machine slept, when only the wall clock went on", async () => {
    const clock = new SleepyClock();
    await register(clock, { check: { ttlMs: 15_000 } });
    await agent.call("PUT", "/v1/agent/check/fail/service:kept-1");
    await clock.advance(1000);
    expect(await statusOf("kept-1")).toBe("critical");
    clock.sleepMs += 60_000;
    await clock.advance(1000);
    await until("a beat", 10_000, async () => ((await statusOf("kept-1")) === "passing" ? true : undefined));
    expect(clock.now()).toBeLessThan(3000);
  });

  it("deregistered twice, or by somebody before, is simply gone", async () => {
    const clock = new ManualClock();
    const reasons: unknown[] = [];
    const handle = await register(clock, {
      onStateChange: (state, reason) => reasons.push(`${state} ${reason?.message ?? "without trouble"}`),
    });
    await agent.call("PUT", "/v1/agent/service/deregister/kept-1");
    await Promise.all([
      handle.deregister({ propagationMs: 60_000 }),
      handle.deregister({ propagationMs: 0 }),
    ]);
    await handle.deregister();
    expect(reasons.at(-1)).toBe("deregistered without trouble");
    expect(await listed("kept-1")).toBeUndefined();
  });

  it("whose predecessor died in maintenance is healthy", async () => {
    await put(agent, "kept-1", { Name: "kept", Check: { CheckID: "service:kept-1", TTL: "60s" } });
    await agent.call("PUT", "/v1/agent/service/maintenance/kept-1?enable=true");
    await register(new ManualClock());
    const kept = watchConsul({ url: agent.url }, "kept");
    onTestFinished(() => kept.stop());
    await kept.untilStates(["kept-1 healthy"]);
    expect(kept.snapshots.at(-1)?.endpoints[0]?.host).toBe("10.0.0.1");
  });

  it("that is told what Consul cannot hold refuses it and stays what it was", async () => {
    const handle = await register(new ManualClock());
    await expect(handle.update({ weight: 0 })).rejects.toMatchObject({
      code: "ERR_PROXYLESS_REGISTRATION",
      message: expect.stringContaining("weight must be a whole number from 1 to 65535, got 0"),
    });
    await handle.update({ weight: 7 });
    expect(await listed("kept-1")).toMatchObject({ Weights: { Passing: 7, Warning: 7 } });
  });
});

/** A clock whose machine sleeps now and then: time passes on the wall only. */
class SleepyClock extends ManualClock {
  sleepMs = 0;

  override wallNow(): number {
    return super.wallNow() + this.sleepMs;
  }
}

describe("point 25, a registered process that is told to end", { timeout: 60_000 }, () => {
  const url = (): string => agent.url;
  const steps = [
    "draining",
    "ready: false",
    "unready",
    "propagated",
    "deregistered",
    "closing",
    "drained",
    "left: SIGTERM",
  ];
  const after = (service: ServiceProcess): string[] =>
    service.lines.slice(service.lines.findIndex((line) => line === "draining"));

  it("that gets SIGTERM leaves in order, loses no call, and ends by the signal", async () => {
    const service = new ServiceProcess({ url: url(), id: "web-1", signals: ["SIGTERM"], exit: true });
    await service.until("port ");
    const stays = await instance();
    await put(agent, "web-2", { Address: "127.0.0.1", Port: stays });
    const mesh = createMesh({
      discovery: consul({ url: url() }),
      services: { web: { retry: { maxAttempts: 1 } } },
    });
    onTestFinished(() => mesh.close());
    const traffic = new Traffic(mesh, "web");
    await until("both answer", 15_000, async () =>
      traffic.answerers.join() === [service.port, stays].toSorted((a, b) => a - b).join() ? true : undefined,
    );
    service.signal("SIGTERM");
    expect(await service.end()).toBe("SIGTERM");
    traffic.forget();
    await until("the other one answers", 10_000, async () => (traffic.answers > 5 ? true : undefined));
    await traffic.end();
    expect(traffic.failures).toEqual([]);
    expect(traffic.answerers).toEqual([stays]);
    expect(after(service)).toEqual(steps);
    expect(await listed("web-1")).toBeUndefined();
    await agent.call("PUT", "/v1/agent/service/deregister/web-2");
  });

  it("that was not told to exit ends when nothing is left to do", async () => {
    const service = new ServiceProcess({ url: url(), id: "web-1", signals: ["SIGINT", "SIGTERM"] });
    await service.until("port ");
    service.signal("SIGINT");
    expect(await service.end()).toBe(0);
    expect(after(service)).toEqual([...steps.slice(0, -1), "left: SIGINT", "exit 0"]);
  });

  it("exits with the signal's number where others listen to it too", async () => {
    const service = new ServiceProcess({
      url: url(),
      id: "web-1",
      signals: ["SIGTERM"],
      exit: true,
      other: true,
    });
    await service.until("port ");
    service.signal("SIGTERM");
    expect(await service.end()).toBe(143);
    expect(service.lines.filter((line) => line === "heard by another")).toHaveLength(1);
  });

  it("that gets a second signal leaves at once, by all the steps", async () => {
    const service = new ServiceProcess({
      url: url(),
      id: "web-1",
      signals: ["SIGTERM", "SIGINT"],
      exit: true,
      propagationMs: 600_000,
      hangs: true,
    });
    await service.until("port ");
    service.signal("SIGTERM");
    await service.until("unready");
    service.signal("SIGINT");
    expect(await service.end()).toBe("SIGTERM");
    expect(after(service)).toEqual([
      ...steps.slice(0, 6),
      "drained: not waited for: it leaves at once",
      "left: SIGTERM",
    ]);
    expect(await listed("web-1")).toBeUndefined();
  });

  it("that asked for no signals is ended by them as ever", async () => {
    const service = new ServiceProcess({ url: url(), id: "web-1" });
    await service.until("port ");
    service.signal("SIGTERM");
    expect(await service.end()).toBe("SIGTERM");
    expect(service.lines).not.toContain("draining");
    await agent.call("PUT", "/v1/agent/service/deregister/web-1");
  });

  it("whose event loop stood still for longer than its lease beats as soon as it runs again", async () => {
    const service = new ServiceProcess({
      url: url(),
      id: "web-1",
      check: { ttlMs: 3000 },
      signals: ["SIGTERM"],
      stallMs: 4500,
    });
    await service.until("port ");
    service.stall();
    await until("the lease is lost", 15_000, async () =>
      (await statusOf("web-1")) === "critical" ? true : undefined,
    );
    await service.until("stalled");
    await until("passing", 10_000, async () => ((await statusOf("web-1")) === "passing" ? true : undefined));
    service.signal("SIGTERM");
    expect(await service.end()).toBe(0);
  });
});
