import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import type { Mesh } from "@proxyless/core";

import type { RegistryUnderTest, WrittenEndpoint } from "./under-test.ts";

const perSecond = 100;
const forMs = 2_000;
/** With less than this share of the changes in a second there was no storm to stand. */
const leastShare = 0.3;
/** How long the last of the storm may take to be followed, beyond what the adapter promises in quiet times. */
const calmMs = 20_000;

/** An endpoint that is only listed, not called; all have one port, as the instances of a service mostly do. */
function manyth(n: number): WrittenEndpoint {
  return {
    id: `m${n}`,
    host: `127.${1 + ((n >> 16) & 127)}.${(n >> 8) & 255}.${n & 255}`,
    port: 8080,
  };
}

/**
 * Makes a service of many endpoints and exchanges a hundred of them a second for two seconds. What the mesh knows
 * afterwards must be the registry's list; and the registry must have taken the changes about as fast as they were meant
 * to come, for else they would prove nothing.
 */
export async function churn(
  registry: RegistryUnderTest,
  mesh: Mesh,
  service: string,
  most: number,
): Promise<void> {
  const count = Math.min(most, registry.mostEndpoints ?? Infinity);
  const list = Array.from({ length: count }, (_, n) => manyth(n));
  await registry.put(service, list);
  await mesh.ready(service);
  const changes = (perSecond * forMs) / 1_000;
  const begin = performance.now();
  await exchange(registry, service, list, changes);
  const rate = (changes * 1_000) / (performance.now() - begin);
  assert.ok(
    rate >= leastShare * perSecond,
    `${registry.name}: only ${Math.round(rate)} endpoints a second were exchanged`,
  );
  const wanted = list.map(({ host, port }) => `${host}:${port}`).toSorted();
  const end = performance.now() + registry.recoveryMs + calmMs;
  while (!isDeepStrictEqual(known(mesh, service), wanted)) {
    if (performance.now() > end) assert.fail(`${registry.name}: ${changes} changes were not followed`);
    // eslint-disable-next-line no-await-in-loop -- it polls, and a look at everything is no small thing
    await wait(250);
  }
}

/** Exchanges the oldest endpoints of the list for new ones, each at its time; resolves when the registry has taken all. */
async function exchange(
  registry: RegistryUnderTest,
  service: string,
  list: WrittenEndpoint[],
  changes: number,
): Promise<void> {
  const { length } = list;
  const begin = performance.now();
  const writes: Promise<void>[] = [];
  for (let n = 0; n < changes;) {
    const due = Math.min(changes, 1 + Math.floor(((performance.now() - begin) * perSecond) / 1_000));
    for (; n < due; n++) {
      const gone = list.shift();
      assert.ok(gone);
      const added = manyth(length + n);
      list.push(added);
      if (registry.swap !== undefined) writes.push(registry.swap(service, gone, added));
    }
    // One list can only be put after the other: the next one has everything that is due by then.
    // eslint-disable-next-line no-await-in-loop -- as said
    if (registry.swap === undefined) await registry.put(service, list);
    // eslint-disable-next-line no-await-in-loop -- until the next one is due
    await wait(Math.max(0, begin + (n * 1_000) / perSecond - performance.now()));
  }
  await Promise.all(writes);
}

function known(mesh: Mesh, service: string): readonly string[] {
  const watch = mesh.inspect().discovery.find((dump) => dump.service === service);
  return (watch?.endpoints ?? []).map(({ address }) => address).toSorted();
}
