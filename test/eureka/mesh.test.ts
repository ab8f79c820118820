import { createMesh } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import type { RegistrationHandle } from "@proxyless/core/discovery";
import { eureka, eurekaRegistrar } from "@proxyless/discovery-eureka";
import type { EurekaOptions } from "@proxyless/discovery-eureka";
import { describe, it } from "vitest";
import type { onTestFinished } from "vitest";

import { instance, Traffic } from "../consul/traffic.ts";
import { EurekaServer } from "./server.ts";

type AtEnd = typeof onTestFinished;

/** A mesh on a server, with instances that register themselves and beat every second. */
class Fleet {
  readonly server: EurekaServer;
  readonly mesh: Mesh;
  readonly traffic: Traffic;
  readonly #atEnd: AtEnd;

  private constructor(server: EurekaServer, options: Partial<EurekaOptions>, atEnd: AtEnd) {
    this.server = server;
    this.mesh = createMesh({
      discovery: eureka({ url: server.url, intervalMs: 1000, requestTimeoutMs: 2000, ...options }),
    });
    this.#atEnd = atEnd;
    this.traffic = new Traffic(this.mesh, "echo", atEnd);
  }

  static async start(options: Partial<EurekaOptions>, atEnd: AtEnd): Promise<[Fleet, number, number]> {
    const server = await EurekaServer.start();
    atEnd(() => server.stop());
    const first = await Fleet.join(server, atEnd);
    const second = await Fleet.join(server, atEnd);
    const fleet = new Fleet(server, options, atEnd);
    atEnd(() => fleet.mesh.close());
    return [fleet, first.port, second.port];
  }

  /** How often the mesh has asked. */
  get questions(): number {
    return this.server.seen.filter((each) => each.startsWith("GET ") && /\/apps(\/delta|\/ECHO)?$/.test(each))
      .length;
  }

  /** One more instance. */
  static async join(server: EurekaServer, atEnd: AtEnd): Promise<RegistrationHandle> {
    const port = await instance(atEnd);
    const registrar = eurekaRegistrar({
      url: server.url,
      renewalMs: 1000,
      leaseMs: 3000,
      requestTimeoutMs: 2000,
    });
    const handle = await registrar.register({ service: "echo", host: "127.0.0.1", port });
    atEnd(() => handle.deregister({ propagationMs: 0 }));
    return handle;
  }

  join(): Promise<RegistrationHandle> {
    return Fleet.join(this.server, this.#atEnd);
  }
}

describe.concurrent.each<[string, Partial<EurekaOptions>]>([
  ["asked for each service", { mode: "app" }],
  ["read as a whole", { mode: "delta" }],
])("a mesh on a Eureka that is %s", { timeout: 60_000 }, (_, options) => {
  it("calls who comes and no longer who leaves, without one failed call", async ({
    expect,
    onTestFinished: atEnd,
  }) => {
    const [fleet, first, second] = await Fleet.start(options, atEnd);
    const { traffic } = fleet;
    await expect
      .poll(() => traffic.answerers, { timeout: 15_000 })
      .toEqual([first, second].toSorted(byNumber));
    const third = await fleet.join();
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toContain(third.port);
    await third.deregister({ propagationMs: 2500 });
    traffic.forget();
    await expect
      .poll(() => traffic.answerers, { timeout: 15_000 })
      .toEqual([first, second].toSorted(byNumber));
    expect(traffic.failures).toEqual([]);
  });

  it("goes on calling all through a server that is dead, frozen and empty, whose instances register again", async ({
    expect,
    onTestFinished: atEnd,
  }) => {
    const [fleet, first, second] = await Fleet.start(options, atEnd);
    const { traffic, server } = fleet;
    const both = [first, second].toSorted(byNumber);
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(both);
    await server.kill();
    traffic.forget();
    await expect.poll(() => traffic.answers, { timeout: 15_000 }).toBeGreaterThan(60);
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(both);
    await server.restartEmpty();
    await expect.poll(() => server.registry.list("ECHO").get("ECHO")?.length, { timeout: 15_000 }).toBe(2);
    // The next question but one comes after the next was answered, so that the source has heard of both.
    const asked = fleet.questions;
    await expect.poll(() => fleet.questions, { timeout: 15_000 }).toBeGreaterThan(asked + 1);
    server.pause();
    traffic.forget();
    await expect.poll(() => traffic.answers, { timeout: 15_000 }).toBeGreaterThan(60);
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(both);
    server.resume();
    const third = await fleet.join();
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toContain(third.port);
    expect(traffic.failures).toEqual([]);
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}
