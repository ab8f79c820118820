import { isRecord } from "@proxyless/core/discovery";
import type { RegistrationStatus, WantedEntry } from "@proxyless/core/discovery";

import type { Lease, ResolvedEurekaInstance } from "./registration-options.ts";

/** What an instance says of itself, in Eureka's words. */
export type EurekaStatus = "UP" | "DOWN" | "STARTING" | "OUT_OF_SERVICE";

/** A status in Eureka's words; it knows no `degraded`, which no driver is ever asked for. */
export const statusWord: Readonly<Record<RegistrationStatus, EurekaStatus>> = {
  starting: "STARTING",
  up: "UP",
  degraded: "UP",
  down: "DOWN",
  "out-of-service": "OUT_OF_SERVICE",
};

/** An instance as Eureka's clients write it. */
export function entryOf(
  { instance, host, status }: WantedEntry<ResolvedEurekaInstance>,
  { renewalMs, leaseMs }: Lease,
  dirtyAt: number,
): Readonly<Record<string, unknown>> {
  const { id, service, port, scheme, hostName, vipAddress, secureVipAddress, pages } = instance;
  const isSecure = scheme === "https";
  return {
    instanceId: id,
    app: service.toUpperCase(),
    hostName: hostName ?? host,
    ipAddr: host,
    status: statusWord[status],
    overriddenStatus: "UNKNOWN",
    port: { $: port, "@enabled": String(!isSecure) },
    securePort: { $: port, "@enabled": String(isSecure) },
    countryId: 1,
    dataCenterInfo: {
      "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
      name: "MyOwn",
    },
    leaseInfo: { renewalIntervalInSecs: renewalMs / 1000, durationInSecs: leaseMs / 1000 },
    metadata: metadataOf(instance),
    ...pages,
    vipAddress,
    secureVipAddress,
    isCoordinatingDiscoveryServer: "false",
    lastUpdatedTimestamp: String(dirtyAt),
    lastDirtyTimestamp: String(dirtyAt),
    actionType: "ADDED",
  };
}

/** Whether what the registry lists is not what was written: an older ghost of the same id, or someone else's edit. */
export function differs(
  listed: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): boolean {
  for (const key of ["hostName", "ipAddr", "vipAddress", "secureVipAddress"]) {
    if (listed[key] !== wanted[key]) return true;
  }
  if (portText(listed["port"]) !== portText(wanted["port"])) return true;
  if (portText(listed["securePort"]) !== portText(wanted["securePort"])) return true;
  return metadataText(listed["metadata"]) !== metadataText(wanted["metadata"]);
}

function metadataOf({
  metadata,
  version,
  zone,
  weight,
}: ResolvedEurekaInstance): Readonly<Record<string, string>> {
  return {
    ...metadata,
    ...(version === undefined ? {} : { version }),
    ...(zone === undefined ? {} : { zone }),
    ...(weight === 1 ? {} : { weight: String(weight) }),
  };
}

function portText(value: unknown): string {
  return isRecord(value) ? `${String(value["$"])} ${String(value["@enabled"])}` : "";
}

function metadataText(value: unknown): string {
  const entries = isRecord(value) ? Object.entries(value) : [];
  const own = entries.filter(([key]) => key !== "@class").map(([key, item]) => [key, String(item)]);
  return JSON.stringify(own.toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1)));
}
