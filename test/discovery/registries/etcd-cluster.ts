import { etcd } from "@proxyless/discovery-etcd";

import { startEtcdCluster, until } from "../../../scripts/servers/index.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RelayedPeers } from "../relayed-peers.ts";
import type { RegistryUnderTest } from "../under-test.ts";
import { addReader, EtcdWriter, reader } from "./etcd-writer.ts";
import { impatience } from "./etcd.ts";
import { Leadership } from "./leadership.ts";

/** Three real members with TLS and access control, of whom the one that leads is asked first. */
export async function startEtcdClusterUnderTest(peers?: RelayedPeers): Promise<RegistryUnderTest> {
  // Relays are slower than a network: members wait for one another as long as etcd does by default.
  const flags = ["--heartbeat-interval=100", "--election-timeout=1000"];
  const relays = peers === undefined ? {} : { peers, flags };
  const cluster = await startEtcdCluster(3, { tls: true, auth: true, ...relays });
  const leadership = await Leadership.of(cluster, peers);
  const { tls } = leadership.leader;
  if (tls === undefined) throw new Error("they speak TLS");
  await addReader(leadership.leader);
  const writer = new EtcdWriter(() => leadership.leader);
  return {
    name: "etcd-cluster",
    ...promisedTo("etcd", {}, impatience),
    get host() {
      return leadership.leader.host;
    },
    get port() {
      return leadership.leader.port;
    },
    source: (host, port, isImpatient = false) =>
      etcd({
        url: [`https://${host}:${port}`, ...leadership.order.slice(1).map(({ url }) => url)],
        ...reader,
        tls: { ca: tls.ca, cert: tls.cert, key: tls.key },
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
