import { setTimeout as sleep } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import { etcd, etcdRegistrar } from "@proxyless/discovery-etcd";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startEtcdCluster, until } from "../../scripts/servers/index.ts";
import type { EtcdCluster, EtcdMember } from "../../scripts/servers/index.ts";
import { instance, Traffic } from "../consul/traffic.ts";
import { watching } from "../support/watching.ts";

const user = { username: "app", password: "app-password" };
let cluster: EtcdCluster;

beforeAll(async () => {
  cluster = await startEtcdCluster(3, { tls: true, auth: true });
  await cluster.members[0]?.addUser(user.username, user.password, "echo", "READWRITE");
}, 120_000);

afterAll(() => cluster.stop());

afterEach(async () => {
  const dead = cluster.members.filter((member) => !member.isRunning);
  await Promise.all(dead.map((member) => member.restart()));
  await cluster.leader();
}, 60_000);

/** Options of somebody who asks these members, in this order. */
function asking(members: readonly EtcdMember[]): Parameters<typeof etcd>[0] {
  const tls = members[0]?.tls;
  if (tls === undefined) throw new Error("they speak TLS");
  const { ca, cert, key } = tls;
  return { url: members.map(({ url }) => url), ...user, tls: { ca, cert, key } };
}

async function roles(): Promise<readonly [EtcdMember, EtcdMember, EtcdMember]> {
  const leader = await cluster.leader();
  const [first, second] = cluster.members.filter((member) => member !== leader);
  if (first === undefined || second === undefined) throw new Error("there are three members");
  return [leader, first, second];
}

describe("a cluster of three real members with TLS and access control", { timeout: 90_000 }, () => {
  it("costs a mesh that asks followers no call when their leader is killed; changes made afterwards arrive", async () => {
    const [leader, survivor, other] = await roles();
    const ports = [await instance(), await instance(), await instance()];
    const [first = 0, second = 0, third = 0] = ports;
    const list = (port: number, member = survivor): Promise<number> =>
      member.put(`echo/${port}`, `{"Op":0,"Addr":"127.0.0.1:${port}","Metadata":null}`);
    await list(first);
    await list(second);
    // One could ask others, the other one knows nobody else. Whoever asks the leader is in `test/discovery/chaos.test.ts`.
    const meshes = [[survivor, other, leader], [survivor]].map((members) => {
      const mesh = createMesh({ discovery: etcd(asking(members)) });
      onTestFinished(() => mesh.close());
      return mesh;
    });
    const traffics = meshes.map((mesh) => new Traffic(mesh, "echo"));
    const untilAllCall = (port: number): Promise<unknown> =>
      until(`calls of ${port}`, 20_000, async () =>
        traffics.every((traffic) => traffic.answerers.includes(port)) ? true : undefined,
      );
    await Promise.all([first, second].map(untilAllCall));
    await leader.kill();
    for (const traffic of traffics) traffic.forget();
    await cluster.leader(leader);
    await sleep(500);
    for (const { answers } of traffics) expect(answers).toBeGreaterThan(20);
    await until("a write is taken", 20_000, () => list(third, other));
    await untilAllCall(third);
    await survivor.delete(`echo/${first}`);
    await until("who left is forgotten", 20_000, async () =>
      meshes.every((mesh) => !JSON.stringify(mesh.inspect().services).includes(`:${first}"`))
        ? true
        : undefined,
    );
    for (const traffic of traffics) traffic.forget();
    await sleep(300);
    for (const { answerers } of traffics) expect(answerers).not.toContain(first);
    await Promise.all(traffics.map((traffic) => traffic.end()));
    expect(traffics.flatMap(({ failures }) => failures)).toEqual([]);
    await survivor.delete("echo/", true);
  });

  it("keeps a registration through the death of its leader, without a gap in the list", async () => {
    const [leader, survivor, other] = await roles();
    const states: string[] = [];
    const registrar = etcdRegistrar({ ...asking([leader, survivor, other]), ttlMs: 6000 });
    const handle = await registrar.register({
      service: "echo-kept",
      id: "one",
      host: "10.9.0.1",
      port: 80,
      onStateChange: (state) => states.push(state),
    });
    onTestFinished(() => handle.deregister({ propagationMs: 0 }));
    const web = watching(etcd(asking([survivor, other])), "echo-kept");
    await web.untilStates(["10.9.0.1:80 healthy"]);
    await leader.kill();
    await cluster.leader(leader);
    await until("a change is taken", 20_000, () => handle.update({ version: "2" }).then(() => true));
    await web.until("the change", () => web.snapshots.at(-1)?.endpoints[0]?.version === "2");
    expect(web.snapshots.every(({ endpoints }) => endpoints.length === 1)).toBe(true);
    expect(states).toEqual(["registered"]);
  });

  it("that has lost its quorum costs nobody his list", async () => {
    const [leader, survivor, other] = await roles();
    await survivor.put("echo-alone/a", "10.9.0.1:80");
    const old = watching(etcd(asking([survivor])), "echo-alone");
    await old.untilStates(["10.9.0.1:80 healthy"]);
    const before = old.snapshots.length;
    await Promise.all([leader.kill(), other.kill()]);
    await old.until("an error", () => old.errors.length > 0, 30_000);
    expect(old.errors.every((error) => error.class === "transient")).toBe(true);
    // The doubt of somebody who cannot reach an endpoint asks for a quorum that is not there.
    old.refresh();
    await leader.restartOnly();
    await other.restartOnly();
    await cluster.leader();
    await survivor.put("echo-alone/b", "10.9.0.2:80");
    await old.untilStates(["10.9.0.1:80 healthy", "10.9.0.2:80 healthy"], 30_000);
    const sizes = old.snapshots.slice(before - 1).map(({ endpoints }) => endpoints.length);
    expect(Math.min(...sizes)).toBe(1);
    expect(old.snapshots.every(({ trust }) => trust === "authoritative")).toBe(true);
  });
});
