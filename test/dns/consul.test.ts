import { dns } from "@proxyless/discovery-dns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { watching } from "../../packages/discovery-dns/test/support/watching.ts";
import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";

let agent: ConsulAgent;
const count = 40;

beforeAll(async () => {
  agent = await startConsul();
  await Promise.all(Array.from({ length: count }, (_, i) => register(i)));
}, 120_000);

afterAll(() => agent.stop());

async function register(i: number): Promise<void> {
  await agent.call("PUT", "/v1/agent/service/register", {
    ID: `web-${i}`,
    Name: "web",
    Address: `10.1.0.${i}`,
    Port: 8000 + i,
  });
}

function all(port?: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.1.0.${i}:${port ?? 8000 + i}`);
}

describe("the DNS of a real Consul", { timeout: 60_000 }, () => {
  it("gives all instances with their ports, however few it sends over UDP", async () => {
    const source = dns({
      servers: `${agent.host}:${agent.ports.dns}`,
      name: "{service}.service.consul",
      minRefreshMs: 100,
    });
    const { sink } = watching(source, { service: "web" });
    await sink.untilAddresses(all());
    await sink.until("confirmations", () => sink.alives > 3);
    expect(sink.snapshots).toHaveLength(1);
    await agent.call("PUT", "/v1/agent/service/deregister/web-0");
    await sink.untilAddresses(all().slice(1));
    await register(0);
    await sink.untilAddresses(all());
    expect(sink.errors).toEqual([]);
  });

  it("gives all addresses, for a port of one's own", async () => {
    const source = dns({
      servers: `${agent.host}:${agent.ports.dns}`,
      name: "{service}.service.consul",
      port: 80,
      minRefreshMs: 100,
    });
    const { sink } = watching(source, { service: "web" });
    await sink.untilAddresses(all(80));
    await sink.until("confirmations", () => sink.alives > 3);
    expect(sink.snapshots).toHaveLength(1);
    const nobody = watching(source, { service: "nobody" }).sink;
    await nobody.until("absent", () => nobody.last?.kind === "absent");
  });

  it("gives them under RFC 2782 names too", async () => {
    const source = dns({
      servers: `${agent.host}:${agent.ports.dns}`,
      name: "_{service}._tcp.service.consul",
    });
    const { sink } = watching(source, { service: "web" });
    await expect(sink.untilAddresses(all())).resolves.toBeUndefined();
  });
});
