import { execFile } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

import type { RegistrationHandle, RegistrationState } from "@proxyless/core/discovery";
import type { Watching } from "@proxyless/core/testing";
import { codecs, zookeeper, zookeeperRegistrar } from "@proxyless/discovery-zookeeper";
import type { ZookeeperOptions, ZookeeperRegistrarOptions } from "@proxyless/discovery-zookeeper";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestContext } from "vitest";

import { startZookeeper } from "../../scripts/servers/index.ts";
import type { ZookeeperServer } from "../../scripts/servers/index.ts";
import { FaultProxy } from "../discovery/fault-proxy.ts";
import { watching } from "../support/watching.ts";
import { Operator } from "./operator.ts";

const healthy = "10.0.0.1:8080 healthy";

let server: ZookeeperServer;
let operator: Operator;
let services = 0;

beforeAll(async () => {
  server = await startZookeeper();
  operator = new Operator(server.address);
}, 180_000);

afterAll(async () => {
  await operator.close();
  await server.stop();
});

interface Scene {
  readonly instance: { service: string; id: string; host: string; port: number };
  /** The path of the instance's node. */
  readonly node: string;
  /** What the registrations said, in order. */
  readonly states: RegistrationState[];
  readonly proxy: FaultProxy;
  readonly register: (
    options?: Partial<ZookeeperRegistrarOptions>,
    more?: object,
  ) => Promise<RegistrationHandle>;
  readonly watch: (options?: Partial<ZookeeperOptions>) => Watching;
}

/** A service of its own for each test, and a proxy before the server. */
async function scene({ onTestFinished }: TestContext): Promise<Scene> {
  const service = `web-${services++}`;
  const instance = { service, id: "web-1", host: "10.0.0.1", port: 8080 };
  const states: RegistrationState[] = [];
  const proxy = await FaultProxy.start(server.host, server.ports.client);
  onTestFinished(() => proxy.stop());
  return {
    instance,
    node: `/services/${service}/web-1`,
    states,
    proxy,
    register: async (options = {}, more = {}) => {
      const registrar = zookeeperRegistrar({ servers: server.address, sessionTimeoutMs: 3000, ...options });
      const handle = await registrar.register({
        ...instance,
        onStateChange: (state) => states.push(state),
        ...more,
      });
      onTestFinished(() => handle.deregister({ propagationMs: 0 }));
      return handle;
    },
    watch: (options = {}) =>
      watching(zookeeper({ servers: server.address, ...options }), service, {}, onTestFinished),
  };
}

describe.concurrent("a registration", { timeout: 60_000 }, () => {
  it("is an ephemeral node that is listed, says how it is, drains, and goes", async (context) => {
    const { watch, register, node, states } = await scene(context);
    const web = watch();
    const handle = await register(
      { sessionTimeoutMs: 60_000 },
      { version: "2", zone: "a", weight: 3, metadata: { team: "x" } },
    );
    await web.untilStates([healthy]);
    expect(web.snapshots.at(-1)?.endpoints[0]).toMatchObject({
      id: "web-1",
      version: "2",
      weight: 3,
      locality: { zone: "a" },
      metadata: { team: "x" },
    });
    const owner = await operator.owner(node);
    expect(owner).toBeGreaterThan(0n);
    await handle.setStatus("down");
    await web.untilStates(["10.0.0.1:8080 unhealthy"]);
    await handle.setStatus("up");
    await handle.update({ weight: 5 });
    await web.until("the weight", () => web.snapshots.at(-1)?.endpoints[0]?.weight === 5);
    const before = web.snapshots.length;
    await handle.deregister({ propagationMs: 300 });
    await web.untilStates([]);
    const left = web.snapshots
      .slice(before)
      .map(({ endpoints }) => endpoints.map(({ health }) => health).join());
    expect(left).toEqual(["draining", ""]);
    expect(states).toEqual(["registered", "deregistered"]);
    const isKnown = async (): Promise<boolean> =>
      (await server.ask("dump")).includes(`0x${owner?.toString(16)}`);
    await context.expect.poll(isKnown, { timeout: 10_000 }).toBe(false);
  });

  it("comes back when an operator deletes its node or writes it over", async (context) => {
    const { register, node, states } = await scene(context);
    await register();
    const data = await operator.get(node);
    await operator.remove(node);
    await context.expect.poll(() => operator.get(node), { timeout: 20_000 }).toBe(data);
    await operator.put(node, "nonsense");
    await context.expect.poll(() => operator.get(node), { timeout: 20_000 }).toBe(data);
    expect(states).toEqual(["registered"]);
  });

  it("comes back when its session expired meanwhile", async (context) => {
    const { register, node, states, proxy } = await scene(context);
    const handle = await register({ servers: `127.0.0.1:${proxy.port}`, sessionTimeoutMs: 1500 });
    const first = await operator.owner(node);
    proxy.set("silence");
    await context.expect.poll(() => operator.owner(node), { timeout: 20_000 }).toBeUndefined();
    await context.expect.poll(() => handle.state, { timeout: 20_000 }).toBe("lost");
    proxy.set("pass");
    await context.expect.poll(() => operator.owner(node), { timeout: 20_000 }).toBeDefined();
    expect(await operator.owner(node)).not.toBe(first);
    await context.expect.poll(() => handle.state, { timeout: 20_000 }).toBe("registered");
    expect(states).toEqual(["registered", "lost", "registered"]);
  });

  it("keeps its node and its session through a short disconnection", async (context) => {
    const { register, node, states, proxy } = await scene(context);
    await register({ servers: `127.0.0.1:${proxy.port}`, sessionTimeoutMs: 20_000 });
    const first = await operator.owner(node);
    for (let i = 0; i < 3; i++) {
      const { accepted } = proxy;
      proxy.cut();
      await context.expect.poll(() => proxy.accepted, { timeout: 20_000 }).toBeGreaterThan(accepted);
    }
    expect(await operator.owner(node)).toBe(first);
    expect(states).toEqual(["registered"]);
  });

  it("replaces what its own dead process left behind, at once", async (context) => {
    const { register, node, instance } = await scene(context);
    await crashed(run(instance, 60_000, crash));
    const ghost = await operator.owner(node);
    expect(ghost).toBeDefined();
    await register();
    const owner = await operator.owner(node);
    expect(owner).toBeDefined();
    expect(owner).not.toBe(ghost);
  });

  it("is gone a session timeout after its process was killed", async (context) => {
    const { watch, instance } = await scene(context);
    const web = watch();
    await crashed(run(instance, 1500, crash));
    await web.until("its coming", () => web.snapshots.some(({ endpoints }) => endpoints.length === 1));
    await web.untilStates([]);
    expect(web.snapshots.at(-1)?.kind).toBe("bound");
  });

  it("does not fight with a living process of the same id, and says so", async (context) => {
    const { register, node } = await scene(context);
    const first = await register();
    const second = await register({}, { port: 9090, onStateChange: undefined });
    await context.expect.poll(() => first.state, { timeout: 20_000 }).toBe("lost");
    expect(await operator.get(node)).toContain("9090");
    await second.deregister({ propagationMs: 0 });
    await context.expect.poll(() => operator.get(node), { timeout: 20_000 }).toContain("8080");
    await context.expect.poll(() => first.state, { timeout: 20_000 }).toBe("registered");
  });

  it("survives a process that stood still for longer than its session", async (context) => {
    const { node, instance } = await scene(context);
    const child = run(instance, 1500, "setInterval(() => undefined, 1000);");
    context.onTestFinished(() => void child.kill("SIGKILL"));
    await context.expect.poll(() => operator.owner(node), { timeout: 20_000 }).toBeDefined();
    const first = await operator.owner(node);
    child.kill("SIGSTOP");
    await context.expect.poll(() => operator.owner(node), { timeout: 20_000 }).toBeUndefined();
    child.kill("SIGCONT");
    await context.expect.poll(() => operator.owner(node), { timeout: 20_000 }).toBeDefined();
    expect(await operator.owner(node)).not.toBe(first);
  });

  it("does not keep a process alive", async (context) => {
    const { instance } = await scene(context);
    const child = run(instance, 60_000, "");
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });

  it.for(["serverset", "dubboInterface", "hertz", "text", "curator"] as const)(
    "is kept in the format %s: as one node, that comes back, and goes before its server does",
    async (format, context) => {
      const { register, watch, instance } = await scene(context);
      const codec = codecs[format];
      const path = `/${format}/{service}`;
      const directory = path.replace("{service}", instance.service);
      await register({ codec, path });
      const names = await operator.list(directory);
      expect(names).toHaveLength(1);
      await operator.remove(`${directory}/${names[0]}`);
      await context.expect.poll(() => operator.list(directory), { timeout: 20_000 }).toHaveLength(1);
      const again = await operator.list(directory);
      const formats = watch({ codec, path });
      await formats.untilStates([healthy]);
      const handle = await register({ codec, path }, { id: "other", port: 8081 });
      await formats.untilStates([healthy, "10.0.0.1:8081 healthy"]);
      const leaving = handle.deregister({ propagationMs: 300 });
      await formats.until("its leaving", () => !formats.states.includes("10.0.0.1:8081 healthy"));
      expect(handle.state).toBe("registered");
      await leaving;
      await formats.untilStates([healthy]);
      expect(await operator.list(directory)).toEqual(again);
    },
  );

  it("is refused with a clear error where it may not write or cannot be named", async (context) => {
    const { register } = await scene(context);
    await expect(register({}, { id: "a/b" })).rejects.toMatchObject({
      code: "ERR_PROXYLESS_REGISTRATION",
      message: expect.stringContaining("cannot be the name of a node"),
    });
    const path = "/guarded/{service}";
    const auth = { user: "deploy", password: "secret-of-deploy" };
    await register({ auth, acl: "creator", path });
    const refused = await register({ path }, { id: "web-2" }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ message: expect.stringContaining("not allowed (-102)") });
    expect(JSON.stringify(refused) + String(refused)).not.toContain("secret");
    const same = await register({ path, auth }, { id: "web-3" });
    expect(same.state).toBe("registered");
  });
});

describe("point 25, a registration and its server", { timeout: 60_000 }, () => {
  it("comes back when the server was restarted without its data, and waits for one that comes up later", async (context) => {
    const { register, node } = await scene(context);
    const first = await register();
    await server.restartEmpty();
    await expect.poll(() => operator.get(node), { timeout: 40_000 }).toBeDefined();
    await expect.poll(() => first.state, { timeout: 20_000 }).toBe("registered");
    await server.kill();
    const later = register({}, { id: "later", startTimeoutMs: 30_000 });
    await server.restart();
    expect((await later).state).toBe("registered");
  });
});

const crash = 'process.kill(process.pid, "SIGKILL");';

/** A process that registers an instance, then does something. */
function run(instance: object, sessionTimeoutMs: number, then: string): ChildProcess {
  const options = { servers: server.address, sessionTimeoutMs };
  const program = `
    import { zookeeperRegistrar } from "@proxyless/discovery-zookeeper";
    await zookeeperRegistrar(${JSON.stringify(options)}).register(${JSON.stringify(instance)});
    ${then}
  `;
  return execFile(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    cwd: import.meta.dirname,
  });
}

/** Resolves when a process has died of its own hand. */
async function crashed(child: ChildProcess): Promise<void> {
  let complaint = "";
  child.stderr?.on("data", (text) => (complaint += String(text)));
  const [, signal] = await once(child, "exit");
  if (signal !== "SIGKILL") throw new Error(`it did not get that far: ${complaint}`);
}
