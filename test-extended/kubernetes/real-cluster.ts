import type { KubeServer } from "../../scripts/servers/index.ts";
import type { Cluster, ClusterFaults } from "../../test/kubernetes/cluster.ts";
import { SliceWriter } from "../../test/kubernetes/slice-writer.ts";

/** A real API server of this machine, as the suites want it. */
export interface RealCluster extends Cluster {
  readonly server: KubeServer;
  readonly faults: ClusterFaults;
}

/** Makes the suites' cluster of a real API server. Sources come as somebody who may list and watch, and no more. */
export function realCluster(title: string, server: KubeServer): RealCluster {
  const { url, ca, tokens, apiVersion } = server;
  const writer = new SliceWriter({ url, tls: { ca }, token: tokens.admin, version: apiVersion });
  return {
    name: title,
    server,
    writer,
    options: (more) => ({ url, tls: { ca }, token: tokens.reader, ...more }),
    // Its admission that would ask for one is off.
    namespace: async (name) => name,
    faults: {
      kill: () => server.kill(),
      restart: async () => {
        await server.restart();
      },
      pause: () => server.pause(),
      resume: () => {
        server.resume();
      },
    },
    stop: async () => {
      writer.close();
      await server.stop();
    },
  };
}
