import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";

import { resolveUrls } from "@proxyless/core/discovery";

import type { Cluster } from "./cluster.ts";

/** Where Kubernetes puts what a pod's service account needs. */
const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The cluster that this process runs in, from what Kubernetes gives every pod: `KUBERNETES_SERVICE_HOST` and `_PORT`,
 * and the files of its service account. `undefined` outside of a pod.
 */
export function inCluster(
  env: NodeJS.ProcessEnv,
  folder: string = serviceAccountFolder,
): Cluster | undefined {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = env;
  if (host === "" || port === "") return undefined;
  return {
    urls: resolveUrls(
      `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
      true,
      "KUBERNETES_SERVICE_HOST",
    ),
    token: { tokenFile: join(folder, "token") },
    tls: { ca: { file: join(folder, "ca.crt") } },
    namespace: namespaceOf(join(folder, "namespace")),
  };
}

function namespaceOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim() || "default";
  } catch {
    return "default";
  }
}
