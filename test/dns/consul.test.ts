import { dns } from "@proxyless/discovery-dns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { watching } from "../support/watching.ts";

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
    const watched = watching(source, "web");
    await watched.untilAddresses(all());
    await watched.until("confirmations", () => watched.alives > 3);
    expect(watched.snapshots).toHaveLength(1);
    await agent.call("PUT", "/v1/agent/service/deregister/web-0");
    await watched.untilAddresses(all().slice(1));
    await register(0);
    await watched.untilAddresses(all());
    expect(watched.errors).toEqual([]);
  });

  it("gives all addresses, for a port of one's own", async () => {
    const source = dns({
      servers: `${agent.host}:${agent.ports.dns}`,
      name: "{service}.service.consul",
      port: 80,
      minRefreshMs: 100,
    });
    const watched = watching(source, "web");
    await watched.untilAddresses(all(80));
    await watched.until("confirmations", () => watched.alives > 3);
    expect(watched.snapshots).toHaveLength(1);
    const nobody = watching(source, "nobody");
    await nobody.until("absent", () => nobody.last?.kind === "absent");
  });

  it("gives them under RFC 2782 names too", async () => {
    const source = dns({
      servers: `${agent.host}:${agent.ports.dns}`,
      name: "_{service}._tcp.service.consul",
    });
    const watched = watching(source, "web");
    await expect(watched.untilAddresses(all())).resolves.toBeUndefined();
  });
});
