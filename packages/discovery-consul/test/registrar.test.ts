import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ProxylessError } from "@proxyless/core";
import type { RegistrationHandle } from "@proxyless/core/discovery";
import { ManualClock } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { eventually } from "../../../test/support/watching.ts";
import { consulRegistrar } from "../src/index.ts";
import type { ConsulInstance } from "../src/index.ts";
import { FakeConsul } from "./support/fake-consul.ts";

let fake: FakeConsul;
let clock: ManualClock;
let handles: RegistrationHandle[];
/** What the agent knows: nothing is left of it when it is cleared, as after a restart. */
const known = new Set<string>();

beforeEach(async () => {
  known.clear();
  handles = [];
  clock = new ManualClock();
  fake = await FakeConsul.start();
  fake.script = ({ path, body }, response) => {
    const id = decodeURIComponent(path.split("/").at(-1) ?? "").replace("service:", "");
    const isRegister = path === "/v1/agent/service/register";
    if (isRegister) known.add(String(JSON.parse(body).ID));
    else if (!known.has(id)) {
      response.writeHead(path.startsWith("/v1/agent/service/w") ? 404 : 500).end(`Unknown check "${id}"`);
      return;
    }
    if (path.includes("deregister")) known.delete(id);
    response.writeHead(200).end();
  };
});

afterEach(async () => {
  await Promise.all(handles.map((handle) => handle.deregister({ propagationMs: 0 })));
  await fake.close();
});

async function register(more: Partial<ConsulInstance> = {}): Promise<RegistrationHandle> {
  const registrar = consulRegistrar({ url: fake.url, token: "t", clock, random: () => 0.5 });
  const handle = await registrar.register({
    service: "web",
    id: "web-1",
    host: "10.0.0.1",
    port: 80,
    ...more,
  });
  handles.push(handle);
  return handle;
}

/** The requests so far, as `METHOD tail-of-path`. */
function asked(): string[] {
  return fake.seen.map(
    ({ method, path }) => `${method} ${decodeURIComponent(path).replace("/v1/agent/", "")}`,
  );
}

describe("a registration", { timeout: 30_000 }, () => {
  it("says everything there is to say, passing from the start", async () => {
    const handle = await register({
      weight: 5,
      version: "2.0.0",
      zone: "z1",
      scheme: "https",
      metadata: { team: "a" },
      tags: ["blue"],
      check: { ttlMs: 9000 },
    });
    expect(handle).toMatchObject({ id: "web-1", host: "10.0.0.1", port: 80, state: "registered" });
    const [request] = fake.seen;
    expect(request?.query.get("replace-existing-checks")).toBe("true");
    expect(request?.token).toBe("t");
    expect(JSON.parse(request?.body ?? "")).toEqual({
      ID: "web-1",
      Name: "web",
      Address: "10.0.0.1",
      Port: 80,
      Tags: ["blue"],
      Meta: { team: "a", version: "2.0.0", zone: "z1", secure: "true" },
      Weights: { Passing: 5, Warning: 5 },
      Check: {
        CheckID: "service:web-1",
        Status: "passing",
        DeregisterCriticalServiceAfter: "600000ms",
        TTL: "9000ms",
      },
    });
  });

  it("beats every third of its TTL", async () => {
    await register({ check: { ttlMs: 9000 } });
    await clock.advance(3000);
    await eventually("a beat", () => asked().includes("PUT check/update/service:web-1"));
    expect(JSON.parse(fake.seen[1]?.body ?? "")).toEqual({ Status: "passing", Output: "" });
  });

  it("registers again when the agent has forgotten it, and goes back into maintenance", async () => {
    const handle = await register({ check: { ttlMs: 9000 } });
    await handle.setStatus("out-of-service", "upgrade");
    known.clear();
    await clock.advance(3000);
    await eventually(
      "maintenance again",
      () => asked().filter((each) => each.includes("maintenance")).length === 2,
    );
    expect(asked()).toEqual([
      "PUT service/register",
      "PUT check/update/service:web-1",
      "PUT check/update/service:web-1",
      "PUT service/maintenance/web-1",
      "PUT check/update/service:web-1",
      "PUT service/register",
      "PUT check/update/service:web-1",
      "PUT service/maintenance/web-1",
    ]);
    expect(fake.seen[3]?.query.get("reason")).toBe("upgrade");
  });

  it("looks after an HTTP check without beating", async () => {
    await register({ check: { http: "http://10.0.0.1/health", intervalMs: 2000 } });
    expect(JSON.parse(fake.seen[0]?.body ?? "").Check).toMatchObject({
      HTTP: "http://10.0.0.1/health",
      Interval: "2000ms",
      Timeout: "10000ms",
      Status: "passing",
    });
    known.clear();
    await clock.advance(10_000);
    await eventually(
      "a second registration",
      () => asked().filter((each) => each.includes("register")).length === 2,
    );
    expect(asked()[1]).toBe("GET service/web-1");
  });

  it("says how the instance is, in Consul's words", async () => {
    const handle = await register();
    await handle.setStatus("degraded", "slow disk");
    await handle.setStatus("down");
    await handle.setStatus("up");
    const beats = fake.seen
      .filter(({ path }) => path.includes("update"))
      .map(({ body }) => JSON.parse(body).Status);
    expect(beats).toEqual(["passing", "warning", "critical", "passing"]);
  });

  it("refuses to say for an HTTP check what only the check can say", async () => {
    const handle = await register({ check: { http: "http://10.0.0.1/health", intervalMs: 2000 } });
    await expect(handle.setStatus("degraded")).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      field: "status",
    });
  });

  it("keeps trying while the agent is in trouble, says that it is lost, and comes back", async () => {
    const states: string[] = [];
    await register({
      check: { ttlMs: 9000 },
      onStateChange: (state, reason) => {
        states.push(`${state}: ${reason?.message ?? ""}`);
        throw new Error("a listener's mistake");
      },
    });
    const { script } = fake;
    fake.script = (_, response) => void response.writeHead(500).end("No cluster leader");
    for (let i = 0; i < 12; i++) {
      const before = fake.seen.length;
      // eslint-disable-next-line no-await-in-loop -- one beat after the other
      await clock.advance(3000);
      // eslint-disable-next-line no-await-in-loop -- as above
      await eventually("a try", () => fake.seen.length > before);
    }
    await eventually("the loss", () => states.length === 2);
    expect(states[1]).toMatch(
      /^lost: instance web-1 of web is no longer kept alive: .*500 "No cluster leader"/,
    );
    fake.script = script;
    await clock.advance(3000);
    await eventually("the return", () => states.length === 3);
    expect(states[2]).toBe("registered: ");
  });

  it("waits for an agent that comes up a little later", async () => {
    const { script } = fake;
    let refusals = 2;
    fake.script = (request, response) => {
      if (refusals-- > 0) response.writeHead(500).end("not yet");
      else script?.(request, response);
    };
    const made = register();
    await eventually("a refusal", () => fake.seen.length === 1);
    await eventually("the registration", () => {
      void clock.advance(50);
      return known.has("web-1");
    });
    expect((await made).state).toBe("registered");
  });

  it("rejects when the agent refuses it, saying who and why and no secret", async () => {
    fake.script = (_, response) => void response.writeHead(403).end("Permission denied");
    const error = await register().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProxylessError);
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_REGISTRATION", service: "web", retryable: false });
    expect(String(error)).toContain(
      "instance web-1 of web could not be registered: PUT /v1/agent/service/register",
    );
    expect(fake.seen).toHaveLength(1);
  });

  it("goes on with the new token when a refused one was replaced in its file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "proxyless-token-"));
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "old");
    const { script } = fake;
    fake.script = (request, response) => {
      if (request.token === "new") return script?.(request, response);
      writeFileSync(tokenFile, "new");
      return void response.writeHead(403).end("ACL not found");
    };
    const registrar = consulRegistrar({ url: fake.url, tokenFile, clock });
    const handle = await registrar.register({ service: "web", id: "web-1", host: "10.0.0.1", port: 80 });
    handles.push(handle);
    expect(handle.state).toBe("registered");
    await rm(folder, { recursive: true });
  });

  it("rejects when nobody takes it in time, and leaves no timer behind", async () => {
    fake.script = (_, response) => void response.writeHead(500).end();
    const made = register({ startTimeoutMs: 1000 }).catch((reason: unknown) => reason);
    let done = false;
    void made.finally(() => (done = true));
    await eventually("the end", () => {
      void clock.advance(20);
      return done;
    });
    expect(await made).toMatchObject({ code: "ERR_PROXYLESS_REGISTRATION", retryable: true });
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not hold up a start that does not want to wait", async () => {
    const handle = await register({ startTimeoutMs: 0 });
    expect(handle.state).toBe("registering");
    await eventually("the registration", () => handle.state === "registered");
  });
});

describe("leaving", { timeout: 30_000 }, () => {
  it("is seen as draining, waits, and then goes", async () => {
    const handle = await register();
    const left = handle.deregister({ propagationMs: 5000 });
    await eventually("maintenance", () => asked().includes("PUT service/maintenance/web-1"));
    await clock.advance(4900);
    expect(known.has("web-1")).toBe(true);
    await clock.advance(200);
    await left;
    expect(known.has("web-1")).toBe(false);
    expect(handle.state).toBe("deregistered");
    expect(clock.pendingTimers).toBe(0);
  });

  it("happens once, however often it is asked for", async () => {
    const handle = await register();
    await Promise.all([handle.deregister({ propagationMs: 0 }), handle.deregister({ propagationMs: 0 })]);
    await handle[Symbol.asyncDispose]();
    expect(asked().filter((each) => each === "PUT service/deregister/web-1")).toHaveLength(1);
    await expect(handle.setStatus("up")).rejects.toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
  });

  it("takes an agent that has forgotten the instance for a success, without waiting", async () => {
    const states: unknown[] = [];
    const handle = await register({ onStateChange: (state, reason) => states.push([state, reason]) });
    known.clear();
    await handle.deregister({ propagationMs: 60_000 });
    expect(states.at(-1)).toEqual(["deregistered", undefined]);
  });

  it("never takes longer than five seconds beside the wait, even when the agent says nothing", async () => {
    const reasons: unknown[] = [];
    const handle = await register({ onStateChange: (_, reason) => reasons.push(reason) });
    fake.script = () => undefined;
    const left = handle.deregister({ propagationMs: 0 });
    await eventually("the question", () => asked().length === 2);
    await clock.advance(5000);
    await left;
    expect(handle.state).toBe("deregistered");
    expect(reasons.at(-1)).toMatchObject({ code: "ERR_PROXYLESS_REGISTRATION" });
  });
});
