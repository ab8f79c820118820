import { readFileSync } from "node:fs";
import { join } from "node:path";

import protobuf from "protobufjs";

const text = readFileSync(join(import.meta.dirname, "xds.proto"), "utf8");
const { root } = protobuf.parse(text, { keepCase: true });
const types = "type.googleapis.com/";

/** Type URLs by the names of the test's messages. */
export const typeUrls = {
  Cluster: `${types}envoy.config.cluster.v3.Cluster`,
  ClusterLoadAssignment: `${types}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  Resource: `${types}envoy.service.discovery.v3.Resource`,
  RoundRobin: `${types}envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin`,
  LeastRequest: `${types}envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest`,
  Random: `${types}envoy.extensions.load_balancing_policies.random.v3.Random`,
  RingHash: `${types}envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash`,
  Maglev: `${types}envoy.extensions.load_balancing_policies.maglev.v3.Maglev`,
  WrrLocality: `${types}envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality`,
  ClientSideWeightedRoundRobin: `${types}envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
} as const;

function type(name: string): protobuf.Type {
  return root.lookupType(`proxyless.test.xds.${name}`);
}

/** Writes a message from JSON in proto's own field names; enums by name or number. Throws for a field that does not exist. */
export function encode(name: string, json: object): Buffer {
  const message = type(name).fromObject(json);
  checkFields(type(name), json);
  return Buffer.from(type(name).encode(message).finish());
}

/** Reads a message into plain JSON. */
function decode(name: string, bytes: Uint8Array): Record<string, unknown> {
  return type(name).toObject(type(name).decode(bytes), { longs: Number, enums: String, defaults: false });
}

/** A request of either variant, as JSON. */
export interface RequestJson {
  readonly type_url?: string;
  readonly node?: object;
  readonly resource_names?: readonly string[];
  readonly version_info?: string;
  readonly resource_names_subscribe?: readonly string[];
  readonly resource_names_unsubscribe?: readonly string[];
  readonly initial_resource_versions?: Readonly<Record<string, string>>;
  readonly response_nonce?: string;
  readonly error_detail?: { readonly code?: number; readonly message?: string };
}

export function decodeRequest(
  name: "DiscoveryRequest" | "DeltaDiscoveryRequest",
  bytes: Uint8Array,
): RequestJson {
  return decode(name, bytes);
}

/** Wraps a message as the resource it is. */
export function any(name: keyof typeof typeUrls, json: object): { type_url: string; value: Buffer } {
  return { type_url: typeUrls[name], value: encode(name, json) };
}

/** A slip in a test's JSON must not pass for a field that is absent. */
function checkFields(message: protobuf.Type, json: object): void {
  for (const [key, value] of Object.entries(json)) {
    const field = message.fields[key];
    if (field === undefined) throw new Error(`${message.name} has no field ${key}`);
    const inner = field.resolve().resolvedType;
    if (!(inner instanceof protobuf.Type) || field.map) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof one === "object" && one !== null) checkFields(inner, one);
    }
  }
}
