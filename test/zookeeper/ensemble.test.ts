import { createMesh } from "@proxyless/core";
import type { RegistrationHandle } from "@proxyless/core/discovery";
import { zookeeper, zookeeperRegistrar } from "@proxyless/discovery-zookeeper";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startZookeeperEnsemble, until } from "../../scripts/servers/index.ts";
import type { ZookeeperEnsemble } from "../../scripts/servers/index.ts";
import { instance, Traffic } from "../consul/traffic.ts";
import { watching } from "../support/watching.ts";
import { Operator } from "./operator.ts";

const one = "10.0.0.1:80 healthy";
const two = "10.0.0.2:80 healthy";

let ensemble: ZookeeperEnsemble;
let pair: ZookeeperEnsemble;
let operator: Operator;

beforeAll(async () => {
  [ensemble, pair] = await Promise.all([
    startZookeeperEnsemble(3),
    startZookeeperEnsemble(2, {
      // Without local sessions ZooKeeper 3.8 gives no session where it only reads.
      config: { localSessionsEnabled: "true", localSessionsUpgradingEnabled: "true" },
      properties: { "readonlymode.enabled": "true" },
    }),
  ]);
  operator = new Operator(ensemble.addresses);
}, 180_000);

afterAll(async () => {
  await operator.close();
  await Promise.all([ensemble.stop(), pair.stop()]);
});

async function register(port: number): Promise<RegistrationHandle> {
  const handle = await zookeeperRegistrar({ servers: ensemble.addresses }).register({
    service: "echo",
    id: `echo-${port}`,
    host: "127.0.0.1",
    port,
    startTimeoutMs: 30_000,
  });
  onTestFinished(() => handle.deregister({ propagationMs: 0 }));
  return handle;
}

describe("an ensemble", { timeout: 120_000 }, () => {
  it("may lose its leader under traffic: no call fails, sessions live on, changes made afterwards arrive", async () => {
    const ports = [await instance(), await instance()];
    const [first, second] = await Promise.all(ports.map(register));
    const mesh = createMesh({
      discovery: zookeeper({ servers: ensemble.addresses, sessionTimeoutMs: 6000 }),
    });
    onTestFinished(() => mesh.close());
    const traffic = new Traffic(mesh, "echo");
    await expect.poll(() => traffic.answerers, { timeout: 20_000 }).toHaveLength(2);
    const owner = await operator.owner(`/services/echo/echo-${ports[0]}`);

    const leader = await ensemble.leader();
    await leader.kill();
    traffic.forget();
    await ensemble.leader(leader);
    const newcomer = await instance();
    await register(newcomer);
    await expect.poll(() => traffic.answerers, { timeout: 30_000 }).toContain(newcomer);
    expect(await operator.owner(`/services/echo/echo-${ports[0]}`)).toBe(owner);
    await second?.deregister({ propagationMs: 200 });
    traffic.forget();
    await expect.poll(() => traffic.answers, { timeout: 20_000 }).toBeGreaterThan(20);
    expect(traffic.answerers).not.toContain(ports[1]);
    await traffic.end();
    expect(traffic.failures).toEqual([]);
    expect(first?.state).toBe("registered");
    await leader.restart();
  });

  it("may lose its quorum: what is known stays, and news come after it", async () => {
    await operator.replace("/services/web", { a: "10.0.0.1:80" });
    const web = watching(zookeeper({ servers: ensemble.addresses, sessionTimeoutMs: 4000 }), "web");
    await web.untilStates([one]);
    const leader = await ensemble.leader();
    const other = ensemble.servers.find((server) => server !== leader);
    await Promise.all([leader.kill(), other?.kill()]);
    await web.until("errors", () => web.errors.length > 1);
    expect(web.errors.every((error) => error.class === "transient")).toBe(true);
    expect(web.states).toEqual([one]);
    expect(web.snapshots).toHaveLength(1);
    await Promise.all([leader.launch(), other?.launch()]);
    await operator.put("/services/web/b", "10.0.0.2:80");
    await web.untilStates([one, two], 40_000);
  });
});

it("a server that lost its quorum and may still be read adds nothing but doubt, until the others are back", async () => {
  const [survivor, other] = pair.servers;
  const writer = new Operator(pair.addresses);
  onTestFinished(() => writer.close());
  await writer.put("/services/web/a", "10.0.0.1:80");
  const options = { servers: pair.addresses, sessionTimeoutMs: 4000 };
  const web = watching(zookeeper({ ...options, allowReadOnly: true }), "web");
  await web.untilStates([one]);
  expect(web.snapshots.at(-1)?.trust).toBe("authoritative");
  await other?.kill();
  await web.until("an error", () => web.errors.length > 0);
  await until("the survivor only reads", 40_000, async () =>
    (await survivor?.mode()) === "read" ? true : undefined,
  );
  web.refresh();
  const doubtful = watching(zookeeper({ ...options, allowReadOnly: true }), "web");
  await doubtful.untilStates([one], 40_000);
  expect(doubtful.snapshots.at(-1)?.trust).toBe("suspect");
  await other?.restart();
  await writer.put("/services/web/b", "10.0.0.2:80");
  await Promise.all([web, doubtful].map((each) => each.untilStates([one, two], 40_000)));
  await doubtful.until("trust", () => doubtful.snapshots.at(-1)?.trust === "authoritative", 40_000);
}, 120_000);
