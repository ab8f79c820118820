import { expect, it } from "vitest";

import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { rigFor } from "./rig.ts";

it("a list that was given up is served again when the source only confirms it", async () => {
  const source = fakeSource();
  source.put("orders", [fakeEndpoint("a")]);
  const { clock, directory } = rigFor(source, { maxStaleMs: 1_000 });
  const orders = directory.subscribe("orders");
  await clock.advance(100);
  expect(orders.current.status).toBe("bound");
  source.fail("orders", { class: "transient", message: "gone" });
  await clock.advance(5_000);
  expect(orders.current.status).toBe("failed");
  source.alive("orders");
  await clock.advance(5_000);
  expect(orders.current).toMatchObject({ status: "bound", stale: false });
});
