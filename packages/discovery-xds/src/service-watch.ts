import type { Sink, Snapshot } from "@proxyless/core";
import { toDiscoveryError } from "@proxyless/core/discovery";
import type { SourceError } from "@proxyless/core/discovery";

import type { ClusterResource } from "./cluster-resource.ts";
import type { LoadAssignment } from "./load-assignment.ts";
import { clusterKind, endpointsKind } from "./resource-kind.ts";
import type { ResourceTable } from "./resource-table.ts";

/** What a service's watch tells besides its endpoints. */
export interface ServiceWatchEvents {
  /** The cluster, and its endpoints as far as they are known, are these now. */
  readonly policy: (
    cluster: ClusterResource,
    assignment: LoadAssignment | undefined,
    version: string,
  ) => void;
}

/**
 * One service: its cluster, and the endpoints that the cluster names. Endpoints under a new name take the place of the old
 * ones when they are there, not before.
 */
export class ServiceWatch {
  readonly #table: ResourceTable;
  readonly #sink: Sink;
  readonly #events: ServiceWatchEvents;
  #endCluster: (() => void) | undefined;
  #endEndpoints: (() => void) | undefined;
  #endpointsName: string | undefined;
  #cluster: ClusterResource | undefined;
  #clusterVersion = "";
  #assignment: LoadAssignment | undefined;
  #isOver = false;

  constructor(table: ResourceTable, sink: Sink, events: ServiceWatchEvents) {
    this.#table = table;
    this.#sink = sink;
    this.#events = events;
  }

  /** Begins with the cluster of this name, or with the endpoints of this name alone. */
  begin(name: string, subscribe: "clusters" | "endpoints"): void {
    if (subscribe === "endpoints") {
      this.#follow(name, () => {
        this.#tell({ kind: "absent", endpoints: [], trust: "authoritative" });
      });
      return;
    }
    this.#endCluster = this.#table.watch(clusterKind, name, {
      known: (cluster, version) => {
        this.#take(cluster, version);
      },
      absent: () => {
        this.#endEndpoints?.();
        this.#endEndpoints = undefined;
        this.#endpointsName = undefined;
        this.#assignment = undefined;
        this.#tell({ kind: "absent", endpoints: [], trust: "authoritative" });
      },
      // The endpoints are what is told; that the cluster is the same says nothing of them, unless they stand in it.
      unchanged: () => {
        if (this.#cluster?.endpoints.from === "inline") this.#alive();
      },
      trouble: (error) => {
        this.#trouble(error);
      },
    });
  }

  end(): void {
    this.#isOver = true;
    this.#endEndpoints?.();
    this.#endCluster?.();
  }

  #take(cluster: ClusterResource, version: string): void {
    this.#cluster = cluster;
    this.#clusterVersion = version;
    const { endpoints } = cluster;
    if (endpoints.from === "inline") {
      this.#endEndpoints?.();
      this.#endEndpoints = undefined;
      this.#endpointsName = undefined;
      this.#assign(endpoints.assignment, version);
    } else {
      this.#follow(endpoints.name, () => {
        // The cluster exists, so the name does; it only has nobody.
        this.#tell({ kind: "bound", endpoints: [], trust: "authoritative" });
      });
    }
    this.#policy();
  }

  #follow(name: string, onAbsent: () => void): void {
    if (this.#endpointsName === name) return;
    const endBefore = this.#endEndpoints;
    this.#endpointsName = name;
    this.#endEndpoints = this.#table.watch(endpointsKind, name, {
      known: (assignment, version) => {
        this.#assign(assignment, version);
        this.#policy();
      },
      absent: onAbsent,
      unchanged: () => {
        this.#alive();
      },
      trouble: (error) => {
        // One stream carries both: its trouble is said once, by the cluster.
        if (this.#endCluster === undefined || error.class === "data") this.#trouble(error);
      },
    });
    endBefore?.();
  }

  #assign(assignment: LoadAssignment, version: string): void {
    this.#assignment = assignment;
    this.#tell({
      kind: "bound",
      endpoints: assignment.endpoints,
      trust: "authoritative",
      ...(version === "" ? {} : { revision: version }),
      ...(assignment.skipped === 0 ? {} : { skipped: assignment.skipped }),
    });
  }

  #policy(): void {
    if (this.#cluster !== undefined) {
      this.#events.policy(this.#cluster, this.#assignment, this.#clusterVersion);
    }
  }

  #alive(): void {
    if (!this.#isOver) this.#sink.alive();
  }

  #trouble(error: SourceError): void {
    if (!this.#isOver) this.#sink.error(toDiscoveryError(error));
  }

  #tell(snapshot: Snapshot): void {
    if (!this.#isOver) this.#sink.snapshot(snapshot);
  }
}
