import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

import type { Watching } from "@proxyless/core/testing";
import { zookeeper, zookeeperRegistrar } from "@proxyless/discovery-zookeeper";
import type { ZookeeperOptions } from "@proxyless/discovery-zookeeper";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { installServer, startZookeeper } from "../../scripts/servers/index.ts";
import type { ZookeeperServer } from "../../scripts/servers/index.ts";
import { findJava } from "../../scripts/servers/zookeeper-java.ts";
import { watching } from "../support/watching.ts";

let server: ZookeeperServer;

beforeAll(async () => {
  server = await startZookeeper({ tls: true });
}, 180_000);

afterAll(() => server.stop());

function watch(options: Partial<ZookeeperOptions>): Watching {
  return watching(zookeeper({ servers: server.address, ...options }), "web");
}

function secure(): { address: string; ca: string; cert: string; key: string } {
  if (server.tls === undefined) throw new Error("the server speaks no TLS");
  return server.tls;
}

/** What ZooKeeper's own command line, in Java, says to some commands. */
async function zkCli(...commands: string[]): Promise<string> {
  const binary = await installServer("zookeeper");
  const { java, env } = await findJava();
  const options = "-Xmx64m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
  const child = spawn(binary, ["org.apache.zookeeper.ZooKeeperMain", "-server", server.address], {
    env: { ...process.env, ...env, JAVA: java, JAVA_OPTIONS: options },
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.end(`${commands.join("\n")}\nquit\n`);
  return text(child.stdout);
}

describe("a real server over TLS", { timeout: 60_000 }, () => {
  it("is read and written with the right certificates, by the name they carry", async () => {
    const { address, ca, cert, key } = secure();
    const tls = { ca, cert, key };
    const handle = await zookeeperRegistrar({ servers: address, tls }).register({
      service: "web",
      host: "10.0.0.1",
      port: 80,
    });
    onTestFinished(() => handle.deregister({ propagationMs: 0 }));
    const plain = watch({ servers: address, tls });
    const named = watch({ servers: address, tls: { ...tls, serverName: "zookeeper.test" } });
    await plain.untilStates(["10.0.0.1:80 healthy"]);
    await named.untilStates(["10.0.0.1:80 healthy"]);
    expect([...plain.errors, ...named.errors]).toEqual([]);
  });

  it.each([
    ["an authority that nobody trusts", { ca: undefined }],
    ["a name that is not the server's", { serverName: "elsewhere.example" }],
    ["no client certificate", { cert: undefined, key: undefined }],
  ])("is refused with %s", async (_, change) => {
    const { address, ...tls } = secure();
    const { ca, cert, key, ...rest } = { ...tls, ...change };
    const given = Object.entries({ ca, cert, key, ...("serverName" in rest ? rest : {}) }).filter(
      ([name, value]) => value !== undefined && name !== "address",
    );
    const web = watch({ servers: address, tls: Object.fromEntries(given) });
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors[0]?.class).toBe("auth");
    expect(web.snapshots).toEqual([]);
  });
});

it("ZooKeeper's own Java client writes what is read here, and reads what is written here", async () => {
  const web = watching(zookeeper({ servers: server.address }), "java");
  await zkCli("create /services", "create /services/java", "create /services/java/one 10.0.0.7:7000");
  await web.untilStates(["10.0.0.7:7000 healthy"]);
  const handle = await zookeeperRegistrar({ servers: server.address }).register({
    service: "java",
    id: "two",
    host: "10.0.0.8",
    port: 8000,
  });
  onTestFinished(() => handle.deregister({ propagationMs: 0 }));
  const said = await zkCli("get -s /services/java/two");
  expect(said).toContain(
    '{"name":"java","id":"two","address":"10.0.0.8","port":8000,"sslPort":null,"payload":',
  );
  expect(said).toMatch(/ephemeralOwner = 0x[1-9a-f]/);
}, 60_000);
