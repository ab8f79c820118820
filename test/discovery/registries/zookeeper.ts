import { setTimeout as wait } from "node:timers/promises";

import { zookeeper } from "@proxyless/discovery-zookeeper";
import type { ZookeeperOptions } from "@proxyless/discovery-zookeeper";

import { startZookeeper } from "../../../scripts/servers/index.ts";
import { Operator, rightOf } from "../../zookeeper/operator.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";

const auth = { user: "reader", password: "reader-password" };
/** Fifteen seconds of a session are more than a suite can wait for. */
export const timings = { sessionTimeoutMs: 6000 } as const;
const owner = { user: "operator", password: "operator-password" };
const ownersRight = rightOf(owner.user, owner.password, 31);
const readersRight = rightOf(auth.user, auth.password, 1);
/** How long the reader is locked out, in milliseconds: some attempts fail. */
const lockedMs = 1000;

/**
 * One ZooKeeper server with its data on disk; instances are plain JSON nodes that stay, and nobody but one user may read
 * them. ZooKeeper knows users by the connection, so that each new one has to say again whose it is.
 */
export async function startZookeeperUnderTest(
  options: Pick<ZookeeperOptions, "watches"> = {},
): Promise<RegistryUnderTest> {
  const server = await startZookeeper();
  const digest = `${owner.user}:${owner.password}`;
  const operator = new Operator(server.address, { digest }, [ownersRight, readersRight]);
  const services = new Set<string>();
  // Digests do not expire: what can go, and come back, is the right of who has one.
  const expireAuth = async (): Promise<void> => {
    const paths = [...services].map((service) => `/services/${service}`);
    await Promise.all(paths.map((path) => operator.allow(path, [ownersRight])));
    // Nobody is told of that, but of a change, which has to be read.
    await Promise.all(paths.map((path) => operator.put(`${path}/passing`, "")));
    await Promise.all(paths.map((path) => operator.remove(`${path}/passing`)));
    await wait(lockedMs);
    await Promise.all(paths.map((path) => operator.allow(path, [ownersRight, readersRight])));
  };
  return {
    name: "zookeeper",
    ...promisedTo("zookeeper", timings),
    host: server.host,
    port: server.ports.client,
    source: (host, port) => zookeeper({ servers: `${host}:${port}`, auth, ...timings, ...options }),
    put: async (service, endpoints) => {
      services.add(service);
      await operator.replace(`/services/${service}`, nodesOf(endpoints));
    },
    swap: (service, gone, { id, host, port }) =>
      operator.swap(
        `/services/${service}/${gone.id}`,
        `/services/${service}/${id}`,
        JSON.stringify({ host, port }),
      ),
    kill: () => server.kill(),
    restart: async () => {
      await server.restart();
    },
    restartEmpty: async () => {
      await server.restartEmpty();
      services.clear();
    },
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
    // Newer servers use such a watch up without a word to who may not read; there are better ones for those.
    ...(options.watches === "one-shot" ? {} : { expireAuth }),
    // A frame of two gigabytes, which nobody would send.
    garbage: Buffer.from("7fffffff00000001deadbeef", "hex"),
    stop: async () => {
      await operator.close();
      await server.stop();
    },
  };
}

/** Instances as plain JSON nodes, by name. */
export function nodesOf(endpoints: readonly WrittenEndpoint[]): Readonly<Record<string, string>> {
  return Object.fromEntries(endpoints.map(({ id, host, port }) => [id, JSON.stringify({ host, port })]));
}
