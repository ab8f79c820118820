import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Watching } from "@proxyless/core/testing";
import { consulRegistrar } from "@proxyless/discovery-consul";
import type { ConsulOptions } from "@proxyless/discovery-consul";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { put, watchConsul } from "./watch.ts";

const readOnly = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';

let agent: ConsulAgent;

beforeAll(async () => {
  agent = await startConsul({ acl: true, tls: true });
  await put(agent, "web-1");
}, 120_000);

afterAll(() => agent.stop());

function watch(options: Partial<ConsulOptions>): Watching {
  const made = watchConsul({ url: agent.url, ...options });
  onTestFinished(() => made.stop());
  return made;
}

describe("point 8, a real agent with access rules", { timeout: 30_000 }, () => {
  it("is read with a token that may read services and nodes", async () => {
    const web = watch({ token: await agent.createToken("reader", readOnly) });
    await web.untilStates(["web-1 healthy"]);
    expect(web.errors).toEqual([]);
  });

  it.each([
    ["no token", undefined],
    ["a token for another service", 'service "other" { policy = "read" } node_prefix "" { policy = "read" }'],
  ])("is not believed to be empty by %s", async (name, rules) => {
    const token =
      rules === undefined ? {} : { token: await agent.createToken(name.replaceAll(" ", "-"), rules) };
    const web = watch(token);
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors[0]).toMatchObject({ class: "auth", message: expect.stringContaining("service:read") });
    expect(web.snapshots.every(({ trust }) => trust === "suspect")).toBe(true);
  });

  it("is believed to be empty by a token that may read what is not there", async () => {
    const web = watchConsul(
      { url: agent.url, token: await agent.createToken("reader2", readOnly) },
      "nobody",
    );
    onTestFinished(() => web.stop());
    await web.until("an answer", () => web.snapshots.length > 0);
    expect(web.snapshots[0]).toMatchObject({ kind: "absent", trust: "authoritative" });
  });

  it("says auth for a token that does not exist, and picks up the next one from its file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "proxyless-token-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "11111111-2222-3333-4444-555555555555");
    const web = watch({ tokenFile });
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors[0]).toMatchObject({ class: "auth", message: expect.stringContaining("ACL not found") });
    await writeFile(tokenFile, await agent.createToken("reader3", readOnly));
    await web.untilStates(["web-1 healthy"]);
  });

  it("keeps the good list as it was when a token loses its rights, and says why", async () => {
    const token = await agent.createToken("fading", readOnly);
    const web = watch({ token });
    await web.untilStates(["web-1 healthy"]);
    const policies = await agent.call("GET", "/v1/acl/policies");
    const fading = Array.isArray(policies) ? policies.find((policy) => policy.Name === "fading") : undefined;
    await agent.call("PUT", `/v1/acl/policy/${fading.ID}`, {
      Name: "fading",
      Rules: 'service "other" { policy = "read" }',
    });
    await web.until("an error", () => {
      web.refresh();
      return web.errors.length > 0;
    });
    expect(web.errors[0]?.class).toBe("auth");
    expect(web.snapshots.at(-1)?.trust).toBe("suspect");
  });

  it("refuses a registration without service:write, and takes one with it", async () => {
    const registration = { service: "api", id: "api-1", host: "10.9.0.2", port: 80 };
    const reader = consulRegistrar({ url: agent.url, token: await agent.createToken("reader4", readOnly) });
    await expect(reader.register(registration)).rejects.toMatchObject({
      code: "ERR_PROXYLESS_REGISTRATION",
      message: expect.stringContaining("Permission denied"),
    });
    const token = await agent.createToken("writer", 'service "api" { policy = "write" }');
    const handle = await consulRegistrar({ url: agent.url, token }).register(registration);
    await handle.setStatus("degraded");
    await handle.deregister({ propagationMs: 0 });
    const left = await agent.call("GET", "/v1/agent/services");
    expect(left).not.toHaveProperty("api-1");
  });
});

describe("a real agent over TLS", { timeout: 30_000 }, () => {
  it("is read with the right certificates, by the name they carry", async () => {
    const { url, ca, cert, key } = secure();
    const token = await agent.createToken("tls-reader", readOnly);
    const plain = watch({ url, token, tls: { ca, cert, key } });
    const named = watch({ url, token, tls: { ca, cert, key, serverName: "server.dc1.consul" } });
    await plain.untilStates(["web-1 healthy"]);
    await named.untilStates(["web-1 healthy"]);
    expect([...plain.errors, ...named.errors]).toEqual([]);
  });

  it.each([
    ["an authority that nobody trusts", { ca: undefined }],
    ["a name that is not the server's", { serverName: "elsewhere.example" }],
    ["no client certificate", { cert: undefined, key: undefined }],
  ])("is refused with %s", async (_, change) => {
    const { url, ...tls } = secure();
    const given = Object.entries({ ...tls, ...change }).filter(([, value]) => value !== undefined);
    const web = watch({ url, tls: Object.fromEntries(given) });
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors[0]?.class).toBe("auth");
    expect(web.snapshots).toEqual([]);
  });
});

function secure(): { url: string; ca: string; cert: string; key: string } {
  if (agent.tls === undefined) throw new Error("the agent speaks no TLS");
  return agent.tls;
}
