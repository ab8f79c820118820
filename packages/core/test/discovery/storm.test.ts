import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, it } from "vitest";

import { memorySource } from "../../src/discovery/memory-source.ts";
import { createMesh } from "../../src/mesh.ts";

it("a long list that changes at every turn of the event loop is told all the same", async () => {
  const all = Array.from({ length: 3_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}:80`);
  const source = memorySource({ orders: all });
  await using mesh = createMesh({ discovery: source });
  await mesh.ready("orders");
  const updates: number[] = [];
  mesh.on("discovery.updated", () => updates.push(performance.now()));
  for (let turn = 0; turn < 200_000 && updates.length < 3; turn++) {
    source.set("orders", all.slice(turn % 7));
    // eslint-disable-next-line no-await-in-loop -- a change at each turn is the point
    await nextTurn();
  }
  expect(updates).toHaveLength(3);
});
