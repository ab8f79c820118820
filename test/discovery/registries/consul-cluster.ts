import { consul } from "@proxyless/discovery-consul";

import { startConsulCluster, until } from "../../../scripts/servers/index.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RelayedPeers } from "../relayed-peers.ts";
import type { RegistryUnderTest } from "../under-test.ts";
import { ConsulWriter } from "./consul-writer.ts";
import { impatience } from "./consul.ts";
import { Leadership } from "./leadership.ts";

/** Three real servers, of whom the one that leads is asked first. Instances outlive every one of them. */
export async function startConsulClusterUnderTest(peers?: RelayedPeers): Promise<RegistryUnderTest> {
  const relays = peers === undefined ? {} : { peers };
  const cluster = await startConsulCluster(3, relays);
  const leadership = await Leadership.of({ ...cluster, members: cluster.agents }, peers);
  const writer = new ConsulWriter(() => leadership.leader, 0);
  return {
    name: "consul-cluster",
    ...promisedTo("consul", {}, impatience),
    isSilentWhenCutOff: true,
    get host() {
      return leadership.leader.host;
    },
    get port() {
      return leadership.leader.ports.http;
    },
    source: (host, port, isImpatient = false) =>
      consul({
        url: [`http://${host}:${port}`, ...leadership.order.slice(1).map(({ url }) => url)],
        ...(isImpatient ? impatience : {}),
      }),
    // A leader that was just elected may refuse for a moment.
    put: async (service, endpoints) => {
      await until("a write is taken", 20_000, () => writer.put(service, endpoints).then(() => true));
    },
    ...leadership.abilities,
    stop: async () => {
      await cluster.stop();
      await peers?.stop();
    },
  };
}
