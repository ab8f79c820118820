import type { Endpoint } from "@proxyless/core";
import type { RegistrationStatus } from "@proxyless/core/discovery";

/** A node below a service's, as it stands in ZooKeeper. */
export interface ZookeeperNode {
  /** The last part of its path. */
  readonly name: string;
  /** What it holds; empty where the codec reads names only. */
  readonly data: Uint8Array;
}

/** How a source wants its nodes read. */
export interface DecodeContext {
  readonly service: string;
  /** Which of an instance's named endpoints to use, where it has some. */
  readonly endpointName: string | undefined;
  /** The written weight that counts as 1; the format's own usual one when `undefined`. */
  readonly weightBase: number | undefined;
}

/** A node and what it was read as. */
export interface DecodedNode {
  readonly node: ZookeeperNode;
  readonly endpoints: readonly Endpoint[];
}

/** An instance as a registrar wants it to be written. */
export interface InstanceToWrite {
  readonly service: string;
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly weight: number;
  readonly version: string | undefined;
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: RegistrationStatus;
  /** When it was registered first, in milliseconds since the Unix epoch; the same through every rewriting. */
  readonly registeredAt: number;
}

/** A node to write. */
export interface NodeToWrite {
  /** The last part of its path; what a sequential one's number is put behind. */
  readonly name: string;
  readonly data: string;
  /** ZooKeeper puts a number behind the name. */
  readonly isSequential?: boolean;
}

/**
 * A way to write instances into ZooKeeper. Everything that reads or writes nodes in a format of one's own is such an object.
 * It keeps no state, and what it throws counts as a node that makes no sense.
 */
export interface ZookeeperCodec {
  /** Shown in errors. */
  readonly name: string;
  /** Where a service's nodes are when nobody says otherwise; `{service}` stands for its name. */
  readonly path: string;
  /** `false`: the names say everything, and the data are not read. Default: true. */
  readonly readsData?: boolean;
  /**
   * Reads one node. `ignored`: it is no instance, and that is no mistake. `undefined`: it makes no sense, is left out and
   * counted.
   */
  decode(node: ZookeeperNode, context: DecodeContext): readonly Endpoint[] | "ignored" | undefined;
  /**
   * Looks at all nodes together where some are no instances and may say something about others. `undefined`: they say
   * nothing, and the list is what the nodes were read as.
   */
  arrange?(nodes: readonly DecodedNode[], context: DecodeContext): readonly Endpoint[] | undefined;
  /** Writes an instance; `undefined` where the format cannot say its status, so that it must not be listed. Absent: read only. */
  encode?(instance: InstanceToWrite): NodeToWrite | undefined;
}
