import { zookeeper } from "@proxyless/discovery-zookeeper";

import { startZookeeperEnsemble } from "../../../scripts/servers/index.ts";
import { Operator } from "../../zookeeper/operator.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RelayedPeers } from "../relayed-peers.ts";
import type { RegistryUnderTest } from "../under-test.ts";
import { Leadership } from "./leadership.ts";
import { nodesOf, timings } from "./zookeeper.ts";

/** Three real servers, one of which a source knows to lead: sessions begin anywhere. */
export async function startZookeeperEnsembleUnderTest(peers?: RelayedPeers): Promise<RegistryUnderTest> {
  const relays = peers === undefined ? {} : { peers };
  const ensemble = await startZookeeperEnsemble(3, relays);
  const leadership = await Leadership.of({ ...ensemble, members: ensemble.servers }, peers);
  const operator = new Operator(ensemble.addresses);
  return {
    name: "zookeeper-ensemble",
    ...promisedTo("zookeeper", timings),
    get host() {
      return leadership.leader.host;
    },
    get port() {
      return leadership.leader.ports.client;
    },
    source: (host, port) =>
      zookeeper({
        servers: [`${host}:${port}`, ...leadership.order.slice(1).map(({ address }) => address)],
        ...timings,
      }),
    put: (service, endpoints) => operator.replace(`/services/${service}`, nodesOf(endpoints)),
    ...leadership.abilities,
    stop: async () => {
      await operator.close();
      await ensemble.stop();
      await peers?.stop();
    },
  };
}
