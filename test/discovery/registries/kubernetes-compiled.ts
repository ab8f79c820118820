import { kubernetes } from "@proxyless/discovery-kubernetes";

import type { KubeServer } from "../../../scripts/servers/index.ts";
import { SliceWriter } from "../../kubernetes/slice-writer.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";
import { inBatches } from "./consul-writer.ts";
import { impatience, sliceOf } from "./kubernetes.ts";

/** The compiled API server of Kubernetes with an etcd of its own. Its tokens are part of its command and do not expire. */
export async function startKubernetesCompiled(start: () => Promise<KubeServer>): Promise<RegistryUnderTest> {
  const server = await start();
  const { apiVersion, ca, port, tokens, url } = server;
  const tls = { ca };
  const writer = new SliceWriter({ url, tls, token: tokens.admin, version: apiVersion });
  /** The address of each slice that was written, by service and name. */
  const written = new Map<string, ReadonlyMap<string, string>>();
  const write = async (service: string, endpoint: WrittenEndpoint): Promise<void> => {
    await writer.put(sliceOf(nameOf(service, endpoint), service, endpoint));
  };
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
    put: async (service, endpoints) => {
      const before = written.get(service) ?? new Map<string, string>();
      const wanted = new Map(endpoints.map((one) => [nameOf(service, one), `${one.host}:${one.port}`]));
      const fresh = endpoints.filter((one) => {
        const name = nameOf(service, one);
        return before.get(name) !== wanted.get(name);
      });
      await inBatches(fresh, (endpoint) => write(service, endpoint));
      await inBatches(
        [...before.keys()].filter((name) => !wanted.has(name)),
        (name) => writer.remove(name),
      );
      written.set(service, wanted);
    },
    swap: async (service, gone, added) => {
      await writer.remove(nameOf(service, gone));
      await write(service, added);
    },
    kill: () => server.kill(),
    restart: async () => {
      await server.restart();
    },
    restartEmpty: async () => {
      await server.restartEmpty();
      written.clear();
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

function nameOf(service: string, { id }: WrittenEndpoint): string {
  return `${service}-${id}`;
}
