import { expect, it } from "vitest";

import { MonitoringServers } from "../../examples/observability/servers.ts";
import type { Told } from "../../examples/observability/webhook.ts";
import { Webhook } from "../../examples/observability/webhook.ts";
import { until } from "../../scripts/servers/index.ts";
import { Demo } from "../demo/support/demo-process.ts";

it(
  "an instance of the demo that is killed is an alert at a webhook until there is another in its place",
  { timeout: 120_000 },
  async () => {
    const demo = new Demo("--json", "--metrics", "--seconds", "30", "--rate", "50");
    const ended = demo.ended();
    await demo.says("metrics for Prometheus: http:");
    const [, url = ""] = /Prometheus: (http:\S+)/u.exec(demo.stderr) ?? [];
    const told: Told[] = [];
    await using webhook = await Webhook.start((alert) => told.push(alert));
    await using _ = await MonitoringServers.start(url, webhook.url);
    const ejected = (status: Told["status"]): Promise<Told> =>
      until(`it is ${status}`, 40_000, () =>
        Promise.resolve(
          told.find(({ labels, ...one }) => one.status === status && labels["alertname"] === alert),
        ),
      );
    expect((await ejected("firing")).labels).toMatchObject({ server_address: "orders", severity: "ticket" });
    expect(demo.stderr).toContain("killed orders-2");
    expect(demo.stderr).not.toContain("restarted orders-2");
    await ejected("resolved");
    expect(demo.stderr).toContain("restarted orders-2");
    // Retries hid all of it from those who called, so that nothing else is worth an alert.
    const ofServices = told.filter(({ labels }) => labels["server_address"] !== undefined);
    expect(new Set(ofServices.map(({ labels }) => labels["alertname"]))).toEqual(new Set([alert]));
    demo.interrupt();
    expect(await ended).toBe(130);
  },
);

const alert = "ProxylessEndpointsEjected";
