import { createMesh } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";
import type { RegistrationHandle } from "@proxyless/core/discovery";
import { it } from "vitest";
import type { onTestFinished } from "vitest";

import { instance, Traffic } from "../../consul/traffic.ts";
import type { StandInServer } from "./stand-in-server.ts";

/** What a test does when it is over; a concurrent test has its own. */
type AtEnd = typeof onTestFinished;

/** A registry whose instances register themselves and have to say that they live. */
export interface SelfRegistering {
  readonly server: StandInServer;
  readonly source: DiscoverySource;
  /** Registers an instance of `echo` at a port of 127.0.0.1, which says that it lives every second. */
  register(port: number): Promise<RegistrationHandle>;
  /** How many instances of `echo` the server lists. */
  listed(): number;
  /** Whether a request in {@link StandInServer.seen} is a question for a list. */
  isQuestion(request: string): boolean;
}

/** Two instances that have registered themselves, with calls to them all the time; all of it ends with the test. */
async function underTraffic(registry: SelfRegistering, atEnd: AtEnd) {
  const { server, source } = registry;
  atEnd(() => server.stop());
  const join = async (): Promise<RegistrationHandle> => {
    const handle = await registry.register(await instance(atEnd));
    atEnd(() => handle.deregister({ propagationMs: 0 }));
    return handle;
  };
  const [first, second] = [await join(), await join()];
  const mesh = createMesh({ discovery: source });
  atEnd(() => mesh.close());
  const traffic = new Traffic(mesh, "echo", atEnd);
  return { join, traffic, both: [first.port, second.port].toSorted((a, b) => a - b) };
}

/** Tests of a mesh and instances on a registry that `start` starts. */
export function itFollowsItsInstances(start: () => Promise<SelfRegistering>): void {
  it("calls who comes and no longer who leaves, without one failed call", async ({
    expect,
    onTestFinished: atEnd,
  }) => {
    const { both, join, traffic } = await underTraffic(await start(), atEnd);
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(both);
    const third = await join();
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toContain(third.port);
    await third.deregister({ propagationMs: 2500 });
    traffic.forget();
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(both);
    expect(traffic.failures).toEqual([]);
  });

  it("goes on calling all through a server that is dead, frozen and empty, whose instances register again", async ({
    expect,
    onTestFinished: atEnd,
  }) => {
    const registry = await start();
    const { server } = registry;
    const { both, join, traffic } = await underTraffic(registry, atEnd);
    const allAreCalled = async (): Promise<void> => {
      traffic.forget();
      await expect.poll(() => traffic.answers, { timeout: 15_000 }).toBeGreaterThan(60);
      await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(both);
    };
    const questions = (): number => server.seen.filter((each) => registry.isQuestion(each)).length;
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(both);
    await server.kill();
    await allAreCalled();
    await server.restartEmpty();
    await expect.poll(() => registry.listed(), { timeout: 15_000 }).toBe(2);
    // The next question but one comes after the next was answered, so that the source has heard of both.
    const asked = questions();
    await expect.poll(questions, { timeout: 15_000 }).toBeGreaterThan(asked + 1);
    server.pause();
    await allAreCalled();
    server.resume();
    const third = await join();
    await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toContain(third.port);
    expect(traffic.failures).toEqual([]);
  });
}
