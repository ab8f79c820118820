import { zookeeper } from "@proxyless/discovery-zookeeper";

import { startZookeeper } from "../../../scripts/servers/index.ts";
import { Operator } from "../../zookeeper/operator.ts";
import type { RegistryUnderTest } from "../under-test.ts";

/** One ZooKeeper server with its data on disk; instances are plain JSON nodes that stay. */
export async function startZookeeperUnderTest(): Promise<RegistryUnderTest> {
  const server = await startZookeeper();
  const operator = new Operator(server.address);
  return {
    name: "zookeeper",
    // A silent connection is given up after two thirds of the session's 6 s; an attempt to connect takes 5 s at most, and the
    // pause before it 1 s.
    recoveryMs: 11_000,
    host: server.host,
    port: server.ports.client,
    source: (host, port) => zookeeper({ servers: `${host}:${port}`, sessionTimeoutMs: 6000 }),
    put: (service, endpoints) =>
      operator.replace(
        `/services/${service}`,
        Object.fromEntries(endpoints.map(({ id, host, port }) => [id, JSON.stringify({ host, port })])),
      ),
    swap: async (service, gone, { id, host, port }) => {
      await operator.put(`/services/${service}/${id}`, JSON.stringify({ host, port }));
      await operator.remove(`/services/${service}/${gone.id}`);
    },
    kill: () => server.kill(),
    restart: async () => {
      await server.restart();
    },
    restartEmpty: async () => {
      await server.restartEmpty();
    },
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
    // A frame of two gigabytes, which nobody would send.
    garbage: Buffer.from("7fffffff00000001deadbeef", "hex"),
    stop: async () => {
      await operator.close();
      await server.stop();
    },
  };
}
