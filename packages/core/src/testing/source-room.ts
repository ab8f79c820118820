import assert from "node:assert/strict";

import { sleep, systemClock } from "../clock.ts";
import type { Directory } from "../discovery/directory.ts";
import { hostPort } from "../discovery/host.ts";
import type { Resolution } from "../discovery/resolution.ts";
import type { DiscoverySource, Endpoint } from "../discovery/source.ts";
import type { CountingClock } from "./counting-clock.ts";
import type { OptionalSourceAbility, SourceAbility, SourceHarness } from "./source-harness.ts";
import type { Watching } from "./watching.ts";

/** What a rule of the contract works with. */
export interface Room {
  readonly harness: SourceHarness;
  readonly source: DiscoverySource;
  /** A service that exists in the registry, with its endpoints. */
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  readonly timeoutMs: number;
  readonly quietMs: number;
  /** Of all watches that `watch` began. */
  readonly clock: CountingClock;
  readonly watch: (service: string) => Watching;
  readonly directory: (source?: DiscoverySource) => Directory;
}

/** One rule: a sentence and how to see that it holds. */
export interface Rule {
  readonly name: string;
  readonly needs?: readonly (SourceAbility | OptionalSourceAbility)[];
  check(room: Room): Promise<void>;
}

/** What the registry holds: the first two at the beginning. */
export const samples: readonly Endpoint[] = [1, 2, 3].map((n) => ({
  id: `contract-${n}`,
  host: `127.0.0.${n}`,
  port: 18_080 + n,
  weight: 1,
  priority: 0,
  health: "healthy",
  metadata: {},
}));
/** A name that nobody registered. */
export const unknown = "contract-nobody";

/** Whether a list has exactly these addresses; ids are the registry's own affair. */
export function has(list: readonly Endpoint[], expected: readonly Endpoint[]): boolean {
  const addresses = new Set(list.map(({ host, port }) => hostPort(host, port)));
  return (
    list.length === expected.length && expected.every(({ host, port }) => addresses.has(hostPort(host, port)))
  );
}

/** What a directory serves, without what it keeps as a last resort. */
export function live(resolution: Resolution): readonly Endpoint[] {
  return resolution.status === "bound" ? resolution.endpoints.filter((endpoint) => !endpoint.held) : [];
}

/** Whether a directory serves exactly these addresses. */
export function serves(resolution: Resolution, expected: readonly Endpoint[]): boolean {
  return resolution.status === "bound" && has(live(resolution), expected);
}

/** How often what a directory serves has changed. */
export function versionOf(resolution: Resolution): number {
  return "version" in resolution ? resolution.version : 0;
}

/** Resolves when the directory serves exactly these addresses. */
export async function resolved(
  subscription: { readonly current: Resolution },
  expected: readonly Endpoint[],
  timeoutMs: number,
): Promise<void> {
  const end = systemClock.now() + timeoutMs;
  while (!serves(subscription.current, expected)) {
    assert.ok(
      systemClock.now() < end,
      `the directory did not serve the expected ${expected.length} endpoints within ${timeoutMs} ms`,
    );
    // eslint-disable-next-line no-await-in-loop -- it polls
    await sleep(systemClock, 5);
  }
}
