import type { Sliceable } from "@proxyless/core/discovery";

import type { ClusterResource } from "./cluster-resource.ts";
import { readCluster } from "./cluster-resource.ts";
import { codecOf } from "./codec.ts";
import { KnownEntries } from "./known-entries.ts";
import { readAssignment } from "./load-assignment.ts";
import type { LoadAssignment } from "./load-assignment.ts";

/** A resource that is no good, with its name where that could be read. */
export class ResourceError extends Error {
  override readonly name = "ResourceError";
  readonly resource: string | undefined;

  constructor(message: string, resource?: string) {
    super(message);
    this.resource = resource;
  }
}

/** A resource that was read. */
interface NamedResource<T> {
  readonly name: string;
  readonly value: T;
}

/** What decoding keeps of the resources that somebody wants. */
export class DecodeMemory {
  readonly #entries = new Map<string, KnownEntries>();

  want(kind: AnyKind, name: string): void {
    if (kind === endpointsKind && !this.#entries.has(name)) this.#entries.set(name, new KnownEntries());
  }

  /** Nobody wants it any more. */
  forget(kind: AnyKind, name: string): void {
    if (kind === endpointsKind) this.#entries.delete(name);
  }

  /** The entries of an assignment that is wanted. */
  entriesOf(name: string): KnownEntries | undefined {
    return this.#entries.get(name);
  }
}

/** What there is to know of a type of resource. */
export interface ResourceKind<T> {
  /** As errors call it. */
  readonly noun: string;
  readonly typeUrl: string;
  /** Whether a whole list (state of the world) says by leaving a resource out that it is gone. */
  readonly isListedWhole: boolean;
  /**
   * @param memory what was kept of the resources before, which spares work
   * @throws ResourceError
   */
  decode(bytes: Uint8Array, memory?: DecodeMemory): Sliceable<NamedResource<T>>;
}

/** CDS. */
export const clusterKind: ResourceKind<ClusterResource> = {
  noun: "cluster",
  typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  isListedWhole: true,
  *decode(bytes) {
    const message = codecOf("Cluster").decode(bytes);
    return yield* named(message.name, readCluster(message));
  },
};

/** EDS. */
export const endpointsKind: ResourceKind<LoadAssignment> = {
  noun: "endpoints",
  typeUrl: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  isListedWhole: false,
  *decode(bytes, memory) {
    const message = codecOf("ClusterLoadAssignment").decode(bytes);
    const { clusterName } = message;
    return yield* named(clusterName, readAssignment(message, false, memory?.entriesOf(clusterName)));
  },
};

/** In the order in which they are asked for after a reconnect: who makes endpoints known before clusters gets no answer. */
export const resourceKinds: readonly AnyKind[] = [clusterKind, endpointsKind];

/** Any of them. */
export type AnyKind = ResourceKind<ClusterResource> | ResourceKind<LoadAssignment>;

function* named<T>(name: string, reading: Sliceable<T>): Sliceable<NamedResource<T>> {
  if (name === "") throw new ResourceError("a resource has no name");
  try {
    return { name, value: yield* reading };
  } catch (error) {
    throw new ResourceError(error instanceof Error ? error.message : String(error), name);
  }
}
