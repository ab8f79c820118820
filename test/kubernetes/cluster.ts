import type { KubernetesOptions } from "@proxyless/discovery-kubernetes";

import { ApiServer } from "./api-server.ts";
import type { ApiServerOptions } from "./api-server.ts";
import { SliceWriter } from "./slice-writer.ts";

/** An API server as the suites of this folder need it, real or not. */
export interface Cluster {
  /** What it is, for the names of tests. */
  readonly name: string;
  readonly writer: SliceWriter;
  /** How a source reaches it; `more` is added. */
  readonly options: (more?: KubernetesOptions) => KubernetesOptions;
  /** Makes sure that there is a namespace for `name`. @returns what it is called in this cluster */
  readonly namespace: (name: string) => Promise<string>;
  /** What makes it fail; `undefined` for a cluster that others use too. */
  readonly faults: ClusterFaults | undefined;
  readonly stop: () => Promise<void>;
}

/** How an API server fails. */
export interface ClusterFaults {
  /** Ends it as a crash does; its data stays. */
  kill(): Promise<void>;
  /** Brings it back on the same address; resolves when it answers. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open and nothing is answered. */
  pause(): Promise<void>;
  resume(): void;
}

/** The API server of this folder. */
export interface ScriptedCluster extends Cluster {
  readonly faults: ClusterFaults;
  readonly server: ApiServer;
}

/** Starts the API server of this folder. */
export async function scriptedCluster(
  options: ApiServerOptions & { readonly adminToken?: string; readonly readerToken?: string } = {},
): Promise<ScriptedCluster> {
  const server = await ApiServer.start(options);
  const { adminToken, readerToken, versions } = options;
  const writer = new SliceWriter({ url: server.url, token: adminToken, version: versions?.[0] });
  return {
    name: "the scripted API server",
    server,
    writer,
    options: (more) => ({
      url: server.url,
      ...(readerToken === undefined ? {} : { token: readerToken }),
      ...more,
    }),
    namespace: async (name) => name,
    faults: {
      kill: () => server.kill(),
      restart: () => server.restart(),
      pause: async () => server.pause(),
      resume: () => server.resume(),
    },
    stop: async () => {
      writer.close();
      await server.stop();
    },
  };
}
