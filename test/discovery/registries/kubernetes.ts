import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { kubernetes } from "@proxyless/discovery-kubernetes";
import type { KubernetesOptions } from "@proxyless/discovery-kubernetes";

import { ApiServer } from "../../kubernetes/api-server.ts";
import type { Verb } from "../../kubernetes/api-server.ts";
import { sliceJson } from "../../kubernetes/slices.ts";
import type { SliceJson } from "../../kubernetes/slices.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";

const verbs: readonly Verb[] = ["list", "watch"];

/** Two minutes of silence, and the ten seconds for an answer, are more than a suite can wait for. */
export const impatience = { silenceMs: 3000, requestTimeoutMs: 2000 } as const;

/** The scripted API server of `test/kubernetes`, with a source on it. Each endpoint has a slice of its own. */
export async function startKubernetesUnderTest(
  options: Pick<KubernetesOptions, "maxServiceWatches"> = {},
): Promise<RegistryUnderTest> {
  let secret = "first-0123456789abcdef";
  const server = await ApiServer.start({ tokens: new Map([[secret, verbs]]), bookmarkMs: 1000 });
  const folder = await mkdtemp(join(tmpdir(), "proxyless-kubernetes-"));
  const tokenFile = join(folder, "token");
  await writeFile(tokenFile, secret);
  return {
    name: "kubernetes",
    ...promisedTo("kubernetes", {}, impatience),
    host: "127.0.0.1",
    port: server.port,
    source: (host, port, isImpatient = false) =>
      kubernetes({
        url: `http://${host}:${port}`,
        tokenFile,
        ...options,
        ...(isImpatient ? impatience : {}),
      }),
    put: async (service, endpoints) => {
      const wanted = new Map(endpoints.map((endpoint) => [`${service}-${endpoint.id}`, endpoint]));
      for (const { metadata } of server.history.at(server.history.revision)) {
        const isOurs = metadata.labels["kubernetes.io/service-name"] === service;
        if (isOurs && !wanted.has(metadata.name)) server.remove(metadata.name);
      }
      for (const [name, { id, host, port }] of wanted) {
        server.put(sliceOf(name, service, { id, host, port }));
      }
    },
    swap: async (service, gone, added) => {
      server.remove(`${service}-${gone.id}`);
      server.put(sliceOf(`${service}-${added.id}`, service, added));
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    restartEmpty: async () => {
      await server.kill();
      server.history.wipe();
      await server.restart();
    },
    pause: async () => {
      server.pause();
    },
    resume: () => {
      server.resume();
    },
    expireAuth: async () => {
      secret = `next-${randomUUID()}`;
      await writeFile(tokenFile, secret);
      server.tokens = new Map([[secret, verbs]]);
      // A watch that is open outlives its token; the question that follows does not.
      server.breakWatches();
    },
    garbage: Buffer.from(
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{]}[}\r\n0\r\n\r\n",
    ),
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A slice of one endpoint: ports differ, and a slice has one list of them. */
function sliceOf(name: string, service: string, { id, host, port }: WrittenEndpoint): SliceJson {
  const ports = [{ name: "", port, protocol: "TCP" }];
  return sliceJson({ name, service, ports, pods: [{ name: id, ip: host }] });
}
