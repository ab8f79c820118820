import type { Locality } from "@proxyless/core";
import { hostPort, isRecord } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { numberOf, parseAddress, textsOf } from "./draft.ts";
import type { Draft, ServiceDrafts } from "./draft.ts";

/** What tells services apart. */
export interface PrometheusOptions {
  readonly service: string;
  readonly serviceLabel: string | undefined;
}

/** As many targets as are read in one piece. */
const piece = 64;

/** Labels that say something of an endpoint rather than about it; the others are its metadata. */
const meanings: ReadonlySet<string> = new Set(["__scheme__", "weight", "version", "region", "zone"]);

/**
 * Reads a Prometheus `file_sd` list: `[{"targets": ["host:port"], "labels": {…}}]`. A label names the service, so that one
 * file may be about several; `__scheme__`, `weight`, `version`, `region` and `zone` are understood.
 */
export function* readPrometheus(
  groups: readonly unknown[],
  options: PrometheusOptions,
): Sliceable<ServiceDrafts> {
  const found = new Map<string, Draft[]>();
  const draftsOf = (service: string): Draft[] => {
    const drafts = found.get(service) ?? [];
    found.set(service, drafts);
    return drafts;
  };
  let read = 0;
  for (const group of groups) {
    if (!isRecord(group) || !Array.isArray(group["targets"])) {
      draftsOf(options.service).push(undefined);
      continue;
    }
    const labels = isRecord(group["labels"]) ? textsOf(group["labels"]) : {};
    const targets: readonly unknown[] = group["targets"];
    const drafts = draftsOf(serviceOf(labels, options));
    for (const target of targets) {
      if (read++ % piece === 0) yield;
      drafts.push(readTarget(target, labels));
    }
  }
  return found;
}

function serviceOf(labels: Readonly<Record<string, string>>, options: PrometheusOptions): string {
  const { serviceLabel, service } = options;
  const named = serviceLabel === undefined ? (labels["service"] ?? labels["job"]) : labels[serviceLabel];
  return named === undefined || named === "" ? service : named;
}

function readTarget(target: unknown, labels: Readonly<Record<string, string>>): Draft {
  if (typeof target !== "string") return undefined;
  const { __scheme__: written, weight, version, region, zone } = labels;
  const scheme = written === "http" || written === "https" ? written : undefined;
  const address = parseAddress(target, scheme === "https" ? 443 : 80);
  if (address === undefined) return undefined;
  const locality: Locality = {
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
  };
  return {
    id: hostPort(address.host, address.port),
    ...address,
    ...(scheme === undefined ? {} : { scheme }),
    weight: numberOf(weight) ?? 1,
    priority: 0,
    ...(Object.keys(locality).length === 0 ? {} : { locality }),
    // The file says where somebody is, not how.
    health: "unknown",
    ...(version === undefined || version === "" ? {} : { version }),
    metadata: Object.fromEntries(Object.entries(labels).filter(([key]) => !meanings.has(key))),
  };
}
