import type { Sliceable } from "@proxyless/core/discovery";

import type { Cluster } from "./cluster-messages.ts";
import { readClusterPolicy } from "./cluster-policy.ts";
import type { MappedPolicy } from "./cluster-policy.ts";
import { readAssignment } from "./load-assignment.ts";
import type { LoadAssignment } from "./load-assignment.ts";

/** A cluster: where its endpoints are to be had, and how they are to be called. */
export interface ClusterResource {
  /** The name of its endpoints in EDS, or the endpoints themselves where they stand in the cluster. */
  readonly endpoints:
    | { readonly from: "eds"; readonly name: string }
    | { readonly from: "inline"; readonly assignment: LoadAssignment };
  readonly policy: MappedPolicy;
}

/** `Cluster.DiscoveryType` by number. */
const types = ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"];

/**
 * Reads a cluster of type EDS, STATIC, STRICT_DNS or LOGICAL_DNS. The names of the latter two stay names: who connects
 * resolves them.
 * @throws Error with what is wrong
 */
export function* readCluster(message: Cluster): Sliceable<ClusterResource> {
  const custom = message.clusterType?.name;
  const type = custom === undefined ? types[message.type] : undefined;
  const policy = readClusterPolicy(message);
  if (type === "EDS") {
    const service = message.edsClusterConfig?.serviceName ?? "";
    const name = service === "" ? message.name : service;
    return { endpoints: { from: "eds", name }, policy };
  }
  if (type === "STATIC" || type === "STRICT_DNS" || type === "LOGICAL_DNS") {
    const { loadAssignment } = message;
    if (loadAssignment === null || loadAssignment === undefined) {
      throw new Error(`a cluster of type ${type} has no load_assignment`);
    }
    return { endpoints: { from: "inline", assignment: yield* readAssignment(loadAssignment, true) }, policy };
  }
  const given = custom ?? type ?? `number ${message.type}`;
  throw new Error(`a cluster is of type ${given}; EDS, STATIC, STRICT_DNS and LOGICAL_DNS are understood`);
}
