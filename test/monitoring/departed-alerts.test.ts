import { createMesh, memorySource } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { prometheusRules } from "@proxyless/monitoring";
import { expect, it } from "vitest";

import { ways } from "../metrics/support/ways.ts";
import { silent, tell } from "./support/rule-test.ts";
import type { Alert, Samples, Story } from "./support/rule-test.ts";

const stepMs = 15_000;
const steps = 16;
/** When the service that is called all the time leaves, and comes back. */
const [leavesAt, comesBackAt] = [2, 12];
const minute = 4;

function firing(service: string): Alert {
  return { exp_labels: { server_address: service, severity: "page" } };
}

it.each(ways)(
  "of services that come and go %s alerts only about those that somebody calls",
  { timeout: 60_000 },
  async (_, open) => {
    const clock = new ManualClock();
    const discovery = memorySource({ orders: ["127.0.0.1:1"], fleeting: ["127.0.0.1:1"] });
    await using mesh = createMesh({ discovery, clock, drainMs: 0 });
    await using seen = await open(mesh);
    const call = (name: string): Promise<unknown> => mesh.fetch(`http://${name}/`).catch(() => undefined);
    await Promise.all([mesh.ready("orders"), mesh.ready("fleeting")]);
    mesh.circuit("fleeting").setMode("forced-open");
    const values = new Map<string, string[]>();
    for (let step = 0; step < steps; step++) {
      await call("orders");
      // One mistake, just before somebody looks.
      if (step === 1) await call("mistyped");
      for (const [key, value] of await seen.scrape()) {
        const all = values.get(key) ?? Array.from({ length: step }, () => "_");
        values.set(key, [...all, String(value)]);
      }
      // As Prometheus notes it of a series that a scrape does not have any more.
      for (const all of values.values()) if (all.length === step) all.push("stale");
      if (step === leavesAt) for (const name of ["orders", "fleeting"]) discovery.delete(name);
      if (step === comesBackAt) discovery.set("orders", ["127.0.0.1:1"]);
      for (let ms = 0; ms < stepMs; ms += 500) {
        await call("orders");
        await clock.advance(500);
      }
    }
    const samples: Samples = Object.fromEntries([...values].map(([key, all]) => [key, all.join(" ")]));
    const story = (alertname: string, step: number, alerts: readonly Alert[]): Story => ({
      name: `${alertname} at ${step}`,
      interval: "15s",
      samples,
      at: `${step * 15}s`,
      alertname,
      firing: alerts,
    });
    // Half a minute until an unknown name counts, and a minute until that is sure.
    const fires = leavesAt + 3 + minute;
    const noEndpoints = (step: number, ...names: readonly string[]): Story =>
      story("ProxylessNoEndpoints", step, names.map(firing));
    const rules = silent(prometheusRules());
    const stories = [
      noEndpoints(leavesAt + minute),
      ...[fires, fires + 1, comesBackAt].map((step) => noEndpoints(step, "orders")),
      noEndpoints(comesBackAt + 1),
      noEndpoints(steps - 1),
      story("ProxylessCircuitOpen", steps - 1, []),
    ];
    const { code, output } = await tell(rules, stories, "15s");
    expect({ code, output }).toMatchObject({ code: 0 });
  },
);
