import { resolveOptions } from "../../packages/discovery-kubernetes/src/options.ts";
import type { Cluster } from "./cluster.ts";
import { SliceWriter } from "./slice-writer.ts";

/**
 * A cluster that somebody else runs, by a kubeconfig whose user (a token or a client certificate) may make namespaces
 * and EndpointSlices. Everything that is written is in namespaces whose names begin with `prefix`; they are removed in
 * the end.
 */
export function kubeconfigCluster(kubeconfig: string, prefix: string): Cluster {
  const { cluster, tls } = resolveOptions({ kubeconfig }, {});
  const [url] = cluster.urls;
  const writer = new SliceWriter({ url: url.href, tls, token: cluster.token.token });
  const made = new Set<string>();
  return {
    name: kubeconfig,
    writer,
    options: (more) => ({ kubeconfig, ...more }),
    namespace: async (name) => {
      const full = `${prefix}${name}`;
      const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: full } };
      const { status, body: said } = await writer.request("POST", "/api/v1/namespaces", body);
      if (status !== 201 && status !== 409)
        throw new Error(`namespace ${full}: ${status} ${said.slice(0, 300)}`);
      made.add(full);
      return full;
    },
    faults: undefined,
    stop: async () => {
      await Promise.all([...made].map((name) => writer.request("DELETE", `/api/v1/namespaces/${name}`)));
      writer.close();
    },
  };
}
