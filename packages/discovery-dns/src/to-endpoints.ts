import type { Endpoint } from "@proxyless/core";
import { hostPort } from "@proxyless/core/discovery";

import type { HostAddresses } from "./host-lookup.ts";
import type { RecordData } from "./message.ts";

/** An SRV record. */
export type SrvRecord = Extract<RecordData, { readonly type: "SRV" }>;

/** A target of an SRV record, with its addresses. */
export interface Placed {
  readonly record: SrvRecord;
  readonly host: HostAddresses;
}

/** What a service looked up has in common. */
export interface Origin {
  /** The name that was looked up. */
  readonly name: string;
  readonly scheme: "http" | "https" | undefined;
}

/**
 * Endpoints of the addresses of a name. Those of the family that lost its race come one priority later: there is no telling
 * which addresses belong to one machine, so that both families together would count every machine twice.
 */
export function addressEndpoints(
  { name, scheme }: Origin,
  { addresses, others }: HostAddresses,
  port: number,
): readonly Endpoint[] {
  const make = (host: string, priority: number): Endpoint => ({
    id: hostPort(host, port),
    host,
    port,
    ...(scheme === undefined ? {} : { scheme }),
    weight: 1,
    priority,
    // DNS knows addresses, not how they are.
    health: "unknown",
    metadata: { "dns.name": name },
  });
  return [...addresses.map((host) => make(host, 0)), ...others.map((host) => make(host, 1))];
}

/**
 * Endpoints of SRV records. A target is one host: the addresses of the family that lost its race are left out, and the weight
 * is divided between the others.
 */
export function srvEndpoints({ name, scheme }: Origin, placed: readonly Placed[]): readonly Endpoint[] {
  const weights = srvWeights(placed.map(({ record }) => record));
  const found = new Map<string, Endpoint>();
  for (const { record, host } of placed) {
    const { target, port, priority } = record;
    const weight = (weights.get(record) ?? 1) / host.addresses.length;
    for (const address of host.addresses) {
      const id = `${targetId(record)}${address}`;
      // The same target may be listed twice: its better place counts.
      if ((found.get(id)?.priority ?? Infinity) <= priority) continue;
      found.set(id, {
        id,
        host: address,
        port,
        ...(scheme === undefined ? {} : { scheme }),
        weight,
        priority,
        health: "unknown",
        metadata: { "dns.name": name, "dns.target": target },
      });
    }
  }
  return [...found.values()];
}

/** What the ids of the endpoints at a target begin with. */
export function targetId({ target, port }: SrvRecord): string {
  return `${target}:${port}/`;
}

/**
 * Weights as RFC 2782 means them. Among others, records of weight 0 have together the chance of one record of weight 1: "a
 * very small chance of being selected", where 0 would be none at all; among themselves they are equals.
 */
export function srvWeights(records: readonly SrvRecord[]): ReadonlyMap<SrvRecord, number> {
  const weights = new Map<SrvRecord, number>();
  for (const record of records) {
    const peers = records.filter(({ priority }) => priority === record.priority);
    const zeros = peers.filter(({ weight }) => weight === 0).length;
    const isAmongOthers = zeros < peers.length;
    weights.set(record, record.weight > 0 ? record.weight : isAmongOthers ? 1 / zeros : 1);
  }
  return weights;
}
