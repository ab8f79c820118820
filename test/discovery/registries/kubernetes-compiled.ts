import { kubernetes } from "@proxyless/discovery-kubernetes";

import type { KubeServer } from "../../../scripts/servers/index.ts";
import { SliceWriter } from "../../kubernetes/slice-writer.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest } from "../under-test.ts";
import { impatience } from "./kubernetes.ts";
import { SliceLists } from "./slice-lists.ts";

/** The compiled API server of Kubernetes with an etcd of its own. Its tokens are part of its command and do not expire. */
export async function startKubernetesCompiled(start: () => Promise<KubeServer>): Promise<RegistryUnderTest> {
  const server = await start();
  const { apiVersion, ca, port, tokens, url } = server;
  const tls = { ca };
  const writer = new SliceWriter({ url, tls, token: tokens.admin, version: apiVersion });
  const lists = new SliceLists(writer);
  return {
    name: `kubernetes-${apiVersion}`,
    ...promisedTo("kubernetes", {}, impatience),
    host: server.host,
    port,
    source: (host, fronted, isImpatient = false) =>
      kubernetes({
        url: `https://${host}:${fronted}`,
        tls,
        token: tokens.reader,
        ...(isImpatient ? impatience : {}),
      }),
    put: (service, endpoints) => lists.put(service, endpoints),
    swap: (service, gone, added) => lists.swap(service, gone, added),
    kill: () => server.kill(),
    restart: async () => {
      await server.restart();
    },
    restartEmpty: async () => {
      await server.restartEmpty();
      lists.forget();
    },
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
    stop: async () => {
      writer.close();
      await server.stop();
    },
  };
}
