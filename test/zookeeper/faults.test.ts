import type { Watching } from "@proxyless/core/testing";
import { zookeeper } from "@proxyless/discovery-zookeeper";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestContext } from "vitest";

import { startZookeeper } from "../../scripts/servers/index.ts";
import type { ZookeeperServer } from "../../scripts/servers/index.ts";
import { FaultProxy } from "../discovery/fault-proxy.ts";
import { watching } from "../support/watching.ts";
import { Operator } from "./operator.ts";

const one = "10.0.0.1:80 healthy";
const two = "10.0.0.2:80 healthy";
const three = "10.0.0.3:80 healthy";

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

/** A service of its own for each test, with one instance, watched through a proxy of its own. */
async function scene(
  { onTestFinished }: TestContext,
  more: object = {},
): Promise<{ proxy: FaultProxy; web: Watching; put: (name: string, data: string) => Promise<void> }> {
  const noise = Buffer.from("7fffffff00000001deadbeef", "hex");
  const proxy = await FaultProxy.start(server.host, server.ports.client, noise);
  onTestFinished(() => proxy.stop());
  const service = `web-${services++}`;
  await operator.put(`/services/${service}/a`, "10.0.0.1:80");
  const web = watching(
    zookeeper({ servers: `127.0.0.1:${proxy.port}`, sessionTimeoutMs: 3000, ...more }),
    service,
    {},
    onTestFinished,
  );
  await web.untilStates([one]);
  return { proxy, web, put: (name, data) => operator.put(`/services/${service}/${name}`, data) };
}

describe.concurrent("a source between its server and trouble", { timeout: 60_000 }, () => {
  it.for(["persistent", "one-shot"] as const)(
    "notices a half-open connection and reads what it missed, with %s watches",
    async (watches, context) => {
      const { web, proxy, put } = await scene(context, { watches });
      proxy.set("silence");
      await put("b", "10.0.0.2:80");
      await web.until("an error", () => web.errors.length > 0);
      expect(web.errors[0]).toMatchObject({
        class: "transient",
        message: expect.stringContaining("nothing came for"),
      });
      proxy.set("pass");
      await web.untilStates([one, two]);
    },
  );

  it("takes its session up again after a disconnection, and gets a new one after an expiry", async (context) => {
    const { web, proxy, put } = await scene(context, { sessionTimeoutMs: 2500 });
    const session = async (): Promise<string | undefined> =>
      /sid=(0x[0-9a-f]+),[^\n]*to=2500,/.exec(await server.ask("cons"))?.[1];
    const first = await session();
    expect(first).toBeDefined();
    proxy.cut();
    await put("b", "10.0.0.2:80");
    await web.untilStates([one, two]);
    expect(await session()).toBe(first);
    // Longer than the session lives.
    proxy.set("refuse");
    const isKnown = async (): Promise<boolean> => (await server.ask("dump")).includes(String(first));
    await context.expect.poll(isKnown, { timeout: 20_000 }).toBe(false);
    await put("c", "10.0.0.3:80");
    expect(web.states).toEqual([one, two]);
    proxy.set("pass");
    await web.untilStates([one, two, three]);
    const second = await session();
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
    await put("d", "10.0.0.4:80");
    await web.untilStates([one, two, three, "10.0.0.4:80 healthy"]);
  });

  it.for(["garbage", "truncate", "refuse"] as const)(
    "keeps what it knows through %s and goes on after it",
    async (fault, context) => {
      const { web, proxy, put } = await scene(context);
      proxy.set(fault);
      if (fault === "truncate") web.refresh();
      await web.until("errors", () => web.errors.length > 2);
      expect(web.states).toEqual([one]);
      expect(web.errors.some((error) => error.class === "data")).toBe(fault === "garbage");
      await put("b", "10.0.0.2:80");
      proxy.set("pass");
      await web.untilStates([one, two]);
    },
  );

  it("gives a connection up whose server does not answer what it was asked", async (context) => {
    const { web, proxy } = await scene(context, { requestTimeoutMs: 500, sessionTimeoutMs: 60_000 });
    proxy.set("silence");
    web.refresh();
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors[0]?.message).toContain("no answer within 500 ms");
  });

  it("says that all is well while the session lives and nothing changes", async (context) => {
    const { web } = await scene(context, { sessionTimeoutMs: 1500 });
    const before = web.alives;
    await web.until("three confirmations", () => web.alives >= before + 3);
    expect(web.snapshots).toHaveLength(1);
  });

  it("says data where no node makes sense, and takes the next that does", async (context) => {
    const { web, put } = await scene(context);
    await put("a", '{"address":');
    await web.until("an error", () => web.errors.length > 0);
    context
      .expect(web.errors[0])
      .toMatchObject({ class: "data", message: expect.stringContaining("none of 1 nodes") });
    expect(web.states).toEqual([one]);
    await put("b", "10.0.0.2:80");
    await web.untilStates([two]);
    expect(web.snapshots.at(-1)?.skipped).toBe(1);
  });
});

describe.concurrent("a list of a thousand nodes", { timeout: 60_000 }, () => {
  it.for(["persistent", "one-shot"] as const)(
    "is read whole, and each change of it alone, with %s watches",
    async (watches, context) => {
      const { web, proxy, put } = await scene(context, { watches, sessionTimeoutMs: 20_000 });
      await Promise.all(
        Array.from({ length: 999 }, (_, i) =>
          put(`n${i}`, `10.1.${Math.floor(i / 250)}.${(i % 250) + 1}:80`),
        ),
      );
      await web.until("all of them", () => web.states.length === 1000);
      await put("n7", "10.9.9.9:80");
      await web.until("the change", () => web.states.includes("10.9.9.9:80 healthy"));
      expect(web.states).toHaveLength(1000);
      // The connection is lost, and with one-shot watches a thousand of them.
      proxy.cut();
      await web.until("an error", () => web.errors.length > 0);
      await put("n8", "10.9.9.8:80");
      await put("x", "10.9.9.7:80");
      await web.until("both", () => web.states.includes("10.9.9.8:80 healthy") && web.states.length === 1001);
    },
  );
});

describe("a source and its server", { timeout: 60_000 }, () => {
  it("lets go of its connection with the last watch, and of its session", async (context) => {
    const { web, proxy } = await scene(context);
    await web.stop();
    await expect.poll(() => proxy.open, { timeout: 10_000 }).toBe(0);
    const left = (await server.ask("cons")).split("\n").filter((line) => line.includes("to=3000,"));
    expect(left).toEqual([]);
  });

  it("is told of a server that lost all its data, and does not wait for ever for what it has seen", async (context) => {
    const { web, put } = await scene(context, { sessionTimeoutMs: 60_000 });
    await server.restartEmpty();
    await web.until("the absence", () => web.snapshots.at(-1)?.kind === "absent", 30_000);
    await put("n", "10.0.0.9:80");
    await web.untilStates(["10.0.0.9:80 healthy"]);
    expect(web.errors.every((error) => error.class === "transient")).toBe(true);
  });
});
