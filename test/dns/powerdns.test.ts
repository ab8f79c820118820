import type { Watching } from "@proxyless/core/testing";
import { dns } from "@proxyless/discovery-dns";
import type { DnsOptions } from "@proxyless/discovery-dns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startPowerDns } from "../../scripts/servers/index.ts";
import type { PowerDns } from "../../scripts/servers/index.ts";
import { watching } from "../support/watching.ts";

let server: PowerDns;

beforeAll(async () => {
  server = await startPowerDns();
}, 120_000);

afterAll(() => server.stop());

function watch(service: string, options: DnsOptions = {}): Watching {
  const source = dns({
    servers: server.address,
    name: `{service}.${server.zone}`,
    minRefreshMs: 100,
    maxRefreshMs: 100,
    ...options,
  });
  return watching(source, service);
}

describe("with a real server, a watch", { timeout: 60_000 }, () => {
  it("tells what does not exist, what has no addresses, and what the server fails or refuses to say", async () => {
    const nobody = watch("nobody", { port: 80 });
    await nobody.until("absent", () => nobody.last?.kind === "absent");
    await server.put("texts", "TXT", ['"no address"']);
    const texts = watch("texts", { port: 80 });
    await texts.until("empty", () => texts.last?.kind === "bound");
    expect(texts.last?.endpoints).toEqual([]);
    server.putRaw("broken", "A", "no address at all");
    const broken = watch("broken", { port: 80, family: "ipv4" });
    await broken.until("an error", () => broken.errors.length > 0);
    expect(broken.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringMatching(/SERVFAIL$/),
    });
    const foreign = watch("orders", { name: "{service}.example", port: 80 });
    await foreign.until("an error", () => foreign.errors.length > 0);
    expect(foreign.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringMatching(/REFUSED$/),
    });
    expect([broken, foreign].flatMap(({ snapshots }) => snapshots)).toEqual([]);
  });

  it("has all of 60 SRV records, which fit into no packet", async () => {
    const targets = Array.from({ length: 60 }, (_, i) => `0 1 ${8000 + i} many.${server.zone}.`);
    await server.put("many", "A", ["127.0.0.1"]);
    await server.put("_http._tcp.many", "SRV", targets);
    const watched = watch("many", { name: `_http._tcp.{service}.${server.zone}` });
    await watched.until("60 endpoints", () => watched.last?.endpoints.length === 60);
    await server.put("_http._tcp.many", "SRV", targets.slice(0, 30));
    await watched.until("30 endpoints", () => watched.last?.endpoints.length === 30);
    expect(watched.errors).toEqual([]);
  });

  it("has addresses of both families, and follows aliases", async () => {
    await server.put("real", "A", ["127.0.0.1", "127.0.0.2"]);
    await server.put("real", "AAAA", ["::1"]);
    await server.put("alias", "CNAME", [`real.${server.zone}.`]);
    const watched = watch("alias", { port: 81, family: "both" });
    await watched.untilAddresses(["127.0.0.1:81", "127.0.0.2:81", "[::1]:81"]);
    await server.put("real", "AAAA", ["::2"]);
    await server.put("real", "A", ["127.0.0.2"]);
    await expect(watched.untilAddresses(["127.0.0.2:81", "[::2]:81"])).resolves.toBeUndefined();
  });

  it("uses names as Kubernetes' headless services and Docker Swarm have them", async () => {
    await server.put("orders.default.svc", "A", ["127.0.0.1", "127.0.0.2"]);
    const headless = watch("orders", { name: `{service}.default.svc.${server.zone}.`, port: 8080 });
    await headless.untilAddresses(["127.0.0.1:8080", "127.0.0.2:8080"]);
    await server.put("_http._tcp.orders.default.svc", "SRV", [
      `0 50 8080 1-2-3-4.orders.default.svc.${server.zone}.`,
      `0 50 8080 1-2-3-5.orders.default.svc.${server.zone}.`,
    ]);
    await server.put("1-2-3-4.orders.default.svc", "A", ["127.0.0.4"]);
    await server.put("1-2-3-5.orders.default.svc", "A", ["127.0.0.5"]);
    const named = watch("orders", { name: `_http._tcp.{service}.default.svc.${server.zone}.` });
    await named.untilAddresses(["127.0.0.4:8080", "127.0.0.5:8080"]);
    await server.put("tasks.orders", "A", ["127.0.0.7"], 600);
    const swarm = watch("orders", { name: `tasks.{service}.${server.zone}`, port: 3000 });
    await swarm.untilAddresses(["127.0.0.7:3000"]);
    await server.put("tasks.orders", "A", ["127.0.0.7", "127.0.0.8"], 600);
    await expect(swarm.untilAddresses(["127.0.0.7:3000", "127.0.0.8:3000"])).resolves.toBeUndefined();
  });

  it("keeps what it knows while the server is dead, frozen or empty, and follows it afterwards", async () => {
    await server.put("kept", "A", ["127.0.0.1"]);
    const watched = watch("kept", { port: 80, timeoutMs: 100 });
    await watched.untilAddresses(["127.0.0.1:80"]);
    await server.kill();
    await watched.until("refused", () => watched.errors.at(-1)?.message.includes("ECONNREFUSED") === true);
    await server.restart();
    const confirmed = watched.alives;
    await watched.until("a confirmation", () => watched.alives > confirmed);
    await server.pause();
    await watched.until(
      "silence",
      () => watched.errors.at(-1)?.message.includes("no answer within") === true,
    );
    server.resume();
    await server.put("kept", "A", ["127.0.0.2"]);
    await watched.untilAddresses(["127.0.0.2:80"]);
    await server.restartEmpty();
    await watched.until("absent", () => watched.last?.kind === "absent");
    expect(watched.last?.explicitRemovals).toBe(false);
    await server.put("kept", "A", ["127.0.0.3"]);
    await expect(watched.untilAddresses(["127.0.0.3:80"])).resolves.toBeUndefined();
  });
});
