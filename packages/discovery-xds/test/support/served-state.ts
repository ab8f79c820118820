import { hash } from "node:crypto";

import { encode, typeUrls } from "./messages.ts";
import type { RequestJson } from "./messages.ts";

/** The types that are served. */
export type ServedType = "Cluster" | "ClusterLoadAssignment";
const servedTypes: readonly ServedType[] = ["Cluster", "ClusterLoadAssignment"];

/** A resource: JSON in proto's field names, or bytes that say what they like. */
export type ServedResource = object | Buffer;

/** What a client said. */
export interface Heard {
  readonly kind: "subscribe" | "ack" | "nack";
  readonly type: ServedType;
  readonly stream: number;
  readonly version: string;
  readonly names: readonly string[];
  readonly error: string;
  readonly node: unknown;
}

/** One stream, as the server needs it. */
export interface Conversation {
  hear(request: RequestJson): void;
  /** Something of this type has changed. */
  changed(type: ServedType): void;
  /** What the client is taken to want, sorted. */
  subscribed(type: ServedType): readonly string[];
}

/** What a control plane serves, in which versions, and what it has heard. */
export class ServedState {
  readonly #onChange: (type: ServedType) => void;
  readonly #resources = new Map<ServedType, Map<string, ServedResource>>(
    servedTypes.map((type) => [type, new Map()]),
  );
  readonly #versions = new Map<ServedType, number>(servedTypes.map((type) => [type, 1]));
  readonly heard: Heard[] = [];
  readonly violations: string[] = [];
  /** Seconds that resources live, on the wire. */
  ttlSeconds: number | undefined;

  constructor(onChange: (type: ServedType) => void) {
    this.#onChange = onChange;
  }

  /** Makes this the resource of its name. */
  put(type: ServedType, name: string, resource: ServedResource): void {
    this.#all(type).set(name, resource);
    this.#change(type);
  }

  remove(type: ServedType, name: string): void {
    this.#all(type).delete(name);
    this.#change(type);
  }

  /** Forgets everything, and says so. */
  clear(): void {
    for (const type of servedTypes) {
      this.#all(type).clear();
      this.#change(type);
    }
  }

  /** A cluster of type EDS with these endpoints, in one locality. */
  putService(name: string, endpoints: readonly { host: string; port: number }[]): void {
    if (!this.#all("Cluster").has(name)) this.put("Cluster", name, { name, type: "EDS" });
    this.put("ClusterLoadAssignment", name, assignmentOf(name, endpoints));
  }

  names(type: ServedType): readonly string[] {
    return [...this.#all(type).keys()];
  }

  /** The version of a type's whole list. */
  versionOf(type: ServedType): string {
    return `v${this.#versions.get(type) ?? 0}`;
  }

  /** By content, as go-control-plane has it: a count would begin anew with the process, and name other things the same. */
  resourceVersionOf(type: ServedType, name: string): string {
    const resource = this.wire(type, name);
    return resource === undefined ? "" : hash("sha256", resource.value).slice(0, 12);
  }

  /** A resource as it is on the wire; `undefined` where there is none. */
  wire(type: ServedType, name: string): { type_url: string; value: Buffer } | undefined {
    const resource = this.#all(type).get(name);
    if (resource === undefined) return undefined;
    const value = Buffer.isBuffer(resource) ? resource : encode(type, resource);
    return { type_url: typeUrls[type], value };
  }

  #change(type: ServedType): void {
    this.#versions.set(type, (this.#versions.get(type) ?? 0) + 1);
    this.#onChange(type);
  }

  #all(type: ServedType): Map<string, ServedResource> {
    const found = this.#resources.get(type);
    if (found === undefined) throw new Error(`${type} is not served`);
    return found;
  }
}

/** A load assignment with one locality. */
export function assignmentOf(
  name: string,
  endpoints: readonly { host: string; port: number }[],
): {
  cluster_name: string;
  endpoints: { locality: object; load_balancing_weight: object; lb_endpoints: object[] }[];
} {
  return {
    cluster_name: name,
    endpoints: [
      {
        locality: { region: "r", zone: "z" },
        load_balancing_weight: { value: Math.max(1, endpoints.length) },
        lb_endpoints: endpoints.map(({ host, port }) => ({
          health_status: "HEALTHY",
          endpoint: { address: { socket_address: { address: host, port_value: port } } },
        })),
      },
    ],
  };
}

/** The served type of a URL. */
export function servedTypeOf(url: unknown): ServedType | undefined {
  return servedTypes.find((type) => typeUrls[type] === url);
}
