import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import type { Mesh, WatchDump } from "@proxyless/core";

import { Traffic } from "../consul/traffic.ts";
import type { AtEnd } from "../consul/traffic.ts";
import { DnsProxy } from "./dns-proxy.ts";
import { FaultProxy } from "./fault-proxy.ts";
import type { FaultyWay } from "./faulty-links.ts";
import { startInstance } from "./support/trial-instance.ts";
import type { TrialInstance } from "./support/trial-instance.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "./under-test.ts";
import { WatchedClock } from "./watched-clock.ts";

const startMs = 20_000;
/** What it takes a source to ask and be answered, and calls to follow what is known, where all is well. */
const faultlessMs = 5_000;
const endMs = 10_000;
const aMomentMs = 500;

/**
 * One service of a registry, called all the time by a mesh that finds it through a fault proxy. It begins with two instances;
 * `ends` says whether everybody was served, and let go of.
 */
export class Trial {
  readonly registry: RegistryUnderTest;
  readonly service: string;
  readonly clock = new WatchedClock();
  readonly proxy: FaultyWay;
  readonly mesh: Mesh;
  readonly #instances: readonly TrialInstance[];
  #fewest = Infinity;
  #traffic: Traffic | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    registry: RegistryUnderTest,
    service: string,
    proxy: FaultyWay,
    instances: readonly TrialInstance[],
    isImpatient: boolean,
  ) {
    this.registry = registry;
    this.service = service;
    this.proxy = proxy;
    this.#instances = instances;
    const discovery = registry.source(proxy.host ?? "127.0.0.1", proxy.port, isImpatient);
    this.mesh = createMesh({ discovery, clock: this.clock });
    this.mesh.on("discovery.updated", (update) => {
      if (update.service === service) this.#fewest = Math.min(this.#fewest, update.endpoints);
    });
  }

  static async start(
    registry: RegistryUnderTest,
    service: string,
    isImpatient: boolean,
    atEnd: AtEnd,
    way?: FaultyWay,
  ): Promise<Trial> {
    const proxy = way ?? (await proxyOf(registry));
    const instances = await Promise.all([0, 1, 2].map((n) => startInstance(registry, n, atEnd)));
    const trial = new Trial(registry, service, proxy, instances, isImpatient);
    atEnd(async () => {
      await trial.#close();
      await proxy.stop();
    });
    await trial.list(0, 1);
    await trial.mesh.ready(service);
    trial.#traffic = new Traffic(trial.mesh, service, atEnd);
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
    const wanted = numbers.map((n) => this.#instance(n).answer);
    const what = `instances ${numbers.join(", ")} have all answered`;
    await this.#until(what, withinMs, () => wanted.every((answer) => traffic.answerers.includes(answer)));
  }

  /**
   * After a fault: a third instance is known in time and called, and the first one not any more once it was taken out.
   * @param extraMs what the first may take longer, where the source does not know yet that something is wrong
   * @param laterMs what the second may take longer, where the fault goes on
   */
  async followsAgain(extraMs = 0, laterMs = 0): Promise<void> {
    await this.list(0, 1, 2);
    await this.catchesUp(extraMs, laterMs);
  }

  /** As {@link followsAgain}, where the third instance was listed during the fault. */
  async catchesUp(extraMs = 0, laterMs = 0): Promise<void> {
    const { recoveryMs } = this.registry;
    await this.#until("instance 2 is known", extraMs + recoveryMs, () => this.#isKnown(2));
    await this.answeredBy([0, 2], faultlessMs);
    await this.list(1, 2);
    await this.#until("instance 0 is not known any more", laterMs + recoveryMs, () => !this.#isKnown(0));
    await this.#isNotCalled(0);
  }

  /** Resolves when a service is known that nobody has asked for before. */
  async asksForAnother(): Promise<void> {
    const another = `${this.service}-another`;
    // An agent of Consul knows instances by their id alone, whatever their service.
    await this.registry.put(another, [{ ...this.#endpoint(0), id: "another" }]);
    const { patienceMs, recoveryMs } = this.registry;
    // Whoever waits for it may be told that it takes too long; it is looked for all the same.
    const ready = this.mesh.ready(another).catch(() => undefined);
    await this.#until("another service is known", patienceMs + recoveryMs + faultlessMs, () =>
      this.mesh.inspect().discovery.some(({ service, status }) => service === another && status === "bound"),
    );
    await ready;
  }

  /** Waits, with calls going on. */
  lasts(ms: number): Promise<void> {
    return wait(ms);
  }

  /** As {@link lasts}, until the source has given up whatever it had. */
  outlastsPatience(): Promise<void> {
    return this.lasts(this.registry.patienceMs + aMomentMs);
  }

  /** Resolves when the source has said that something is wrong: otherwise nothing was. */
  async isInTrouble(): Promise<void> {
    await this.#until("something is wrong", faultlessMs, () => this.#watch?.error !== undefined);
  }

  /** Otherwise a fault that throws bytes away has met nobody, and proves nothing. */
  assertDeadLinks(): void {
    assert.ok(this.proxy.lost > 0, `${this.registry.name}: no connection has lost a byte`);
  }

  /** Resolves when an answer was spoiled on its way: a fault that spoils answers has met nobody before, and proves nothing. */
  async meetsSpoiledAnswers(): Promise<void> {
    // Who asks now and then holds no connection meanwhile, and asks in the time in which it would hear of a change.
    await this.#until("an answer was spoiled", this.registry.recoveryMs, () => this.proxy.spoiled > 0);
  }

  /** Otherwise something has come through. */
  assertUnheard(number: number): void {
    assert.ok(!this.#isKnown(number), `${this.registry.name}: instance ${number} is known`);
  }

  /** What is dead is given up in time, also where the source has found another way to know of changes. */
  async hasNoDeadLinks(): Promise<void> {
    const { patienceMs, recoveryMs } = this.registry;
    await this.#until("no dead connection is held on to", patienceMs + recoveryMs, () => {
      return this.proxy.dead === 0;
    });
  }

  /** Ends the trial. @returns what was wrong: calls that failed, a service without instances, something left open */
  async ends(): Promise<readonly string[]> {
    const traffic = this.#running();
    await traffic.end();
    const failed = traffic.failures.map((failure) => `a call failed: ${String(failure)}`);
    if (this.#fewest === 0) failed.push("the service was seen without any instance");
    await this.#close();
    const end = performance.now() + endMs;
    while ((this.proxy.open > 0 || this.clock.pending > 0) && performance.now() < end) {
      // eslint-disable-next-line no-await-in-loop -- it polls
      await wait(20);
    }
    // What does not go through the proxy (files) is counted by `leaks.test.ts`.
    if (this.proxy.open > 0) failed.push(`${this.proxy.open} connections are left open`);
    if (this.clock.pending > 0) failed.push(`${this.clock.pending} timers are left`);
    return failed;
  }

  #isKnown(number: number): boolean {
    const { host, port } = this.#instance(number);
    const address = `${host}:${port}`;
    return this.#watch?.endpoints.some((endpoint) => endpoint.address === address) ?? false;
  }

  get #watch(): WatchDump | undefined {
    return this.mesh.inspect().discovery.find(({ service }) => service === this.service);
  }

  async #isNotCalled(number: number): Promise<void> {
    const traffic = this.#running();
    await this.#until(`instance ${number} is not called any more`, faultlessMs, async () => {
      traffic.forget();
      await wait(200);
      return !traffic.answerers.includes(this.#instance(number).answer);
    });
  }

  async #until(what: string, withinMs: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + withinMs;
    // eslint-disable-next-line no-await-in-loop -- it polls
    while (!(await isSo())) {
      if (performance.now() >= end) {
        const { discovery } = this.mesh.inspect();
        assert.fail(
          `${this.registry.name}: not within ${withinMs} ms: ${what}; ${JSON.stringify(discovery)}`,
        );
      }
      // eslint-disable-next-line no-await-in-loop -- as above
      await wait(10);
    }
  }

  #endpoints(numbers: readonly number[]): readonly WrittenEndpoint[] {
    return numbers.map((n) => this.#endpoint(n));
  }

  #endpoint(number: number): WrittenEndpoint {
    const { host, port } = this.#instance(number);
    return { id: `i${number}`, host, port };
  }

  #instance(number: number): TrialInstance {
    const found = this.#instances[number];
    assert.ok(found);
    return found;
  }

  #running(): Traffic {
    assert.ok(this.#traffic);
    return this.#traffic;
  }

  #close(): Promise<void> {
    this.#closed ??= this.mesh.close();
    return this.#closed;
  }
}

function proxyOf({ garbage, host, port, wire }: RegistryUnderTest): Promise<FaultyWay> {
  return wire === "udp" ? DnsProxy.start(host, port) : FaultProxy.start(host, port, garbage);
}
