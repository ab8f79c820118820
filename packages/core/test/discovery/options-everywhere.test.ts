import { describe, expect, it } from "vitest";

import { filter } from "../../src/discovery/combine/map.ts";
import { merge } from "../../src/discovery/combine/merge.ts";
import type { DirectoryOptions } from "../../src/discovery/directory-options.ts";
import type { DiscoverySource } from "../../src/discovery/source.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource } from "../../src/testing/fake-source.ts";
import { list, rigFor, serving } from "./rig.ts";

const wrapped: readonly (readonly [string, (source: FakeSource) => DiscoverySource])[] = [
  ["a source alone", (source) => source],
  ["a source in a merge", (source) => merge({ a: source })],
  ["a source in a filter in a merge", (source) => merge({ a: filter(source, () => true) })],
  ["a source in a merge in a filter", (source) => filter(merge({ a: source }), () => true)],
  ["a source in a merge in a merge", (source) => merge({ b: merge({ a: source }) })],
];

const ten = Array.from({ length: 10 }, (_, n) => `e${n}`);

/** After how many milliseconds an empty answer is believed. */
async function heldFor(
  options: DirectoryOptions,
  wrap: (source: FakeSource) => DiscoverySource,
): Promise<number> {
  const source = fakeSource({ silent: true, debounceMs: 0 });
  const { clock, directory } = rigFor(wrap(source), options);
  const orders = directory.subscribe("orders");
  await clock.advance(0);
  source.put("orders", list("x"));
  await clock.advance(10_000);
  source.put("orders", []);
  const begin = clock.now();
  while (serving(orders) !== "" && clock.now() - begin < 200_000) {
    await clock.advance(1_000);
    source.alive("orders");
  }
  return clock.now() - begin;
}

describe.each(wrapped)("the directory's options hold for %s", (_, wrap) => {
  it.for([
    [0, 0],
    [5_000, 5_000],
    [120_000, 120_000],
    [undefined, 30_000],
  ] as const)("emptyHoldMs %s: an empty answer is held for %s ms", async ([emptyHoldMs, ms]) => {
    expect(await heldFor(emptyHoldMs === undefined ? {} : { emptyHoldMs }, wrap)).toBe(ms);
  });

  it.for([
    [1, 1],
    [0.5, 10],
  ] as const)(
    "maxShrinkRatio %s: of ten endpoints that become one, %s are known",
    async ([maxShrinkRatio, left]) => {
      const source = fakeSource({ silent: true, debounceMs: 0 });
      const { clock, directory } = rigFor(wrap(source), { maxShrinkRatio });
      const orders = directory.subscribe("orders");
      await clock.advance(0);
      source.put("orders", list(...ten));
      await clock.advance(10_000);
      source.put("orders", list("e0"));
      await clock.advance(1_000);
      expect(serving(orders).split(" ")).toHaveLength(left);
    },
  );
});
