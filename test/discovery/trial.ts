import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { createMesh } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import type { onTestFinished } from "vitest";

import { instance, Traffic } from "../consul/traffic.ts";
import { FaultProxy } from "./fault-proxy.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "./under-test.ts";
import { WatchedClock } from "./watched-clock.ts";

/** What a test does when it is over; a concurrent test has its own. */
type AtEnd = typeof onTestFinished;

const startMs = 20_000;
const endMs = 10_000;
/** How long after its removal became known an instance may still answer calls that were under way. */
const underWayMs = 1_000;

const churnMs = 2_000;

/** An endpoint that is only listed, not called. */
function manyth(n: number): WrittenEndpoint {
  return {
    id: `m${n}`,
    host: `127.${1 + ((n >> 16) & 127)}.${(n >> 8) & 255}.${n & 255}`,
    port: 10_000 + (n % 50_000),
  };
}

/**
 * One service of a registry, called all the time by a mesh that finds it through a fault proxy. It begins with two instances;
 * `ends` says whether everybody was served, and let go of.
 */
export class Trial {
  readonly registry: RegistryUnderTest;
  readonly service: string;
  readonly clock = new WatchedClock();
  readonly proxy: FaultProxy;
  readonly mesh: Mesh;
  readonly #ports: readonly [number, number, number];
  readonly #fewest: { count: number };
  #traffic: Traffic | undefined;
  #looking = true;
  #closed: Promise<void> | undefined;

  private constructor(
    registry: RegistryUnderTest,
    service: string,
    proxy: FaultProxy,
    ports: readonly [number, number, number],
  ) {
    this.registry = registry;
    this.service = service;
    this.proxy = proxy;
    this.#ports = ports;
    this.#fewest = { count: Infinity };
    const isDirect = registry.wire !== undefined && registry.wire !== "tcp";
    const [host, port] = isDirect ? [registry.host, registry.port] : ["127.0.0.1", proxy.port];
    this.mesh = createMesh({ discovery: registry.source(host, port), clock: this.clock });
  }

  static async start(registry: RegistryUnderTest, service: string, atEnd: AtEnd): Promise<Trial> {
    const proxy = await FaultProxy.start(registry.host, registry.port, registry.garbage);
    const ports = [await instance(atEnd), await instance(atEnd), await instance(atEnd)] as const;
    const trial = new Trial(registry, service, proxy, ports);
    atEnd(async () => {
      await trial.#close();
      await proxy.stop();
    });
    await trial.list(0, 1);
    await trial.mesh.ready(service);
    trial.#traffic = new Traffic(trial.mesh, service, atEnd);
    void trial.#look();
    await trial.answeredBy([0, 1], startMs);
    return trial;
  }

  /** Makes these of the three instances the registry's list. */
  async list(...numbers: readonly number[]): Promise<void> {
    await this.registry.put(this.service, this.#endpoints(numbers));
  }

  /** Resolves when each of these has answered a call from now on. */
  async answeredBy(numbers: readonly number[], withinMs: number): Promise<void> {
    const traffic = this.#running();
    traffic.forget();
    const wanted = numbers.map((n) => this.#ports[n]);
    const end = performance.now() + withinMs;
    while (!wanted.every((port) => port !== undefined && traffic.answerers.includes(port))) {
      assert.ok(
        performance.now() < end,
        `${this.registry.name}: instances ${numbers.join(", ")} did not all answer within ${withinMs} ms; ${this.describe()}`,
      );
      // eslint-disable-next-line no-await-in-loop -- it polls
      await wait(10);
    }
  }

  /** After a fault: a third instance is called in time, and the first one not any more once it was taken out. */
  async followsAgain(): Promise<void> {
    const { recoveryMs } = this.registry;
    await this.list(0, 1, 2);
    await this.answeredBy([2], recoveryMs + underWayMs);
    await this.list(1, 2);
    await this.#goneWithin(0, recoveryMs + underWayMs);
  }

  /**
   * A second service of many endpoints, of which a hundred a second are exchanged for two seconds while the first one goes on being
   * called; what the mesh knows is then the registry's list.
   */
  async churns(most: number): Promise<void> {
    const { registry } = this;
    const count = Math.min(most, registry.mostEndpoints ?? Infinity);
    const service = `${this.service}-many`;
    const list = Array.from({ length: count }, (_, n) => manyth(n));
    await this.registry.put(service, list);
    await this.mesh.ready(service);
    let next = count;
    for (const end = performance.now() + churnMs; performance.now() < end; next++) {
      const gone = list.shift();
      const added = manyth(next);
      if (gone === undefined) throw new Error("no endpoint to exchange");
      list.push(added);
      // eslint-disable-next-line no-await-in-loop -- one change after the other
      await (registry.swap?.(service, gone, added) ?? registry.put(service, list));
      // eslint-disable-next-line no-await-in-loop -- a hundred a second
      await wait(10);
    }
    const wanted = list.map(({ host, port }) => `${host}:${port}`).toSorted();
    const end = performance.now() + registry.recoveryMs + startMs;
    while (!isDeepStrictEqual(this.#known(service), wanted)) {
      assert.ok(performance.now() < end, `${this.registry.name}: ${next - count} changes were not followed`);
      // eslint-disable-next-line no-await-in-loop -- it polls
      await wait(100);
    }
  }

  /** Waits, with calls going on. */
  lasts(ms: number): Promise<void> {
    return wait(ms);
  }

  /** Ends the trial. @returns what was wrong: calls that failed, a service without instances, something left open */
  async ends(): Promise<readonly string[]> {
    const traffic = this.#running();
    await traffic.end();
    const failed = traffic.failures.map((failure) => `a call failed: ${String(failure)}`);
    if (this.#fewest.count === 0) failed.push("the service was seen without any instance");
    await this.#close();
    const end = performance.now() + endMs;
    while ((this.proxy.open > 0 || this.clock.pending > 0) && performance.now() < end) {
      // eslint-disable-next-line no-await-in-loop -- it polls
      await wait(20);
    }
    if (this.proxy.open > 0) failed.push(`${this.proxy.open} connections are left open`);
    if (this.clock.pending > 0) failed.push(`${this.clock.pending} timers are left`);
    return failed;
  }

  describe(): string {
    const dump = this.mesh.inspect();
    return JSON.stringify({
      services: dump.services.map(({ endpoints }) => endpoints.length),
      discovery: dump.discovery,
    });
  }

  async #goneWithin(number: number, withinMs: number): Promise<void> {
    const traffic = this.#running();
    const end = performance.now() + withinMs;
    for (;;) {
      traffic.forget();
      // eslint-disable-next-line no-await-in-loop -- it polls
      await wait(200);
      if (!traffic.answerers.includes(this.#ports[number] ?? 0)) return;
      assert.ok(
        performance.now() < end,
        `${this.registry.name}: a removed instance is still called; ${this.describe()}`,
      );
    }
  }

  #known(service: string): readonly string[] {
    const watch = this.mesh.inspect().discovery.find((dump) => dump.service === service);
    return (watch?.endpoints ?? []).map(({ address }) => address).toSorted();
  }

  #endpoints(numbers: readonly number[]): readonly WrittenEndpoint[] {
    return numbers.map((n) => ({ id: `i${n}`, host: "127.0.0.1", port: this.#ports[n] ?? 0 }));
  }

  async #look(): Promise<void> {
    while (this.#looking) {
      const view = this.mesh.inspect().services.find(({ service }) => service === this.service);
      if (view !== undefined) this.#fewest.count = Math.min(this.#fewest.count, view.endpoints.length);
      // eslint-disable-next-line no-await-in-loop -- it polls
      await wait(25);
    }
  }

  #running(): Traffic {
    assert.ok(this.#traffic);
    return this.#traffic;
  }

  #close(): Promise<void> {
    this.#looking = false;
    this.#closed ??= this.mesh.close();
    return this.#closed;
  }
}
