import type { ServicePolicy } from "@proxyless/core";

import type { ClusterResource } from "./cluster-resource.ts";
import type { DropOverload, LoadAssignment } from "./load-assignment.ts";

/** What a control plane says of how a service is to be called. */
export interface XdsClusterPolicy {
  readonly service: string;
  /** The cluster's name. */
  readonly cluster: string;
  /** The control plane's version of the cluster. */
  readonly version: string;
  /** In the mesh's words: only what the cluster says. */
  readonly policy: ServicePolicy;
  /** What the cluster asks for and nobody does, as paths of its fields. */
  readonly leftOut: readonly string[];
  /** Shares of calls that the control plane wants dropped (`policy.drop_overloads` of the endpoints). Nobody drops them. */
  readonly dropOverloads: readonly DropOverload[];
  /** `policy.overprovisioning_factor` of the endpoints as a ratio. The mesh's is 1.4. */
  readonly overprovisioning: number | undefined;
  /** `policy.endpoint_stale_after` of the endpoints in milliseconds. Endpoints are kept all the same. */
  readonly endpointStaleAfterMs: number | undefined;
}

/** What is known of a service's cluster. */
export interface ClusterNews {
  readonly service: string;
  readonly name: string;
  readonly version: string;
  readonly cluster: ClusterResource;
  readonly assignment: LoadAssignment | undefined;
}

/** The policies of the clusters that are watched, and who wants to know. */
export class ClusterPolicies {
  readonly #known = new Map<string, XdsClusterPolicy>();
  readonly #listeners = new Set<(policy: XdsClusterPolicy) => void>();

  /** Tells the listeners, unless nothing but the version is new. */
  take({ assignment, cluster, name, service, version }: ClusterNews): void {
    const policy: XdsClusterPolicy = {
      service,
      cluster: name,
      version,
      policy: cluster.policy.policy,
      leftOut: cluster.policy.leftOut,
      dropOverloads: assignment?.dropOverloads ?? [],
      overprovisioning: assignment?.overprovisioning,
      endpointStaleAfterMs: assignment?.staleAfterMs,
    };
    const before = this.#known.get(service);
    if (before !== undefined && isSame(before, policy)) return;
    this.#known.set(service, policy);
    for (const listener of this.#listeners) tell(listener, policy);
  }

  listen(listener: (policy: XdsClusterPolicy) => void): () => void {
    this.#listeners.add(listener);
    for (const policy of this.#known.values()) tell(listener, policy);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** A listener cannot break the watch; its mistake is not swallowed either. */
function tell(listener: (policy: XdsClusterPolicy) => void, policy: XdsClusterPolicy): void {
  try {
    listener(policy);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function isSame(one: XdsClusterPolicy, other: XdsClusterPolicy): boolean {
  return JSON.stringify({ ...one, version: "" }) === JSON.stringify({ ...other, version: "" });
}
