import { isRecord, parsePieces, SourceError } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import type { SpokenApi } from "./api-choice.ts";
import type { Connection } from "./connection.ts";
import type { NacosRequest } from "./nacos-http.ts";

/** A list of instances, as it came. */
export interface ListAnswer {
  readonly hosts: readonly unknown[];
  /** How long the server thinks it may be kept, in milliseconds; the newer API does not say. */
  readonly cacheMillis: number | undefined;
  /** When the server made it, by its own clock; the newer API does not say. */
  readonly lastRefTime: number | undefined;
  readonly isProtected: boolean;
}

/** Asks for the instances of a service: all of them, whatever their health. */
export function listRequest(
  api: SpokenApi,
  service: string,
  clusters: readonly string[],
  { namespace, group }: Connection,
): NacosRequest {
  const named = clusters.join(",");
  const common = { namespaceId: namespace, groupName: group, healthyOnly: "false" };
  if (api === "v3") {
    return {
      method: "GET",
      path: "/v3/client/ns/instance/list",
      parameters: { ...common, serviceName: service, ...(named === "" ? {} : { clusterName: named }) },
    };
  }
  return {
    method: "GET",
    path: "/v1/ns/instance/list",
    parameters: {
      ...common,
      serviceName: `${group}@@${service}`,
      ...(named === "" ? {} : { clusters: named }),
    },
  };
}

/**
 * Reads the answer with status 200: in the newer API `{ code, message, data }` with a list, in the older one an object
 * with `hosts`.
 * @returns `undefined` when it says that something is wrong
 * @throws SourceError of class `data` when it is neither
 */
export function* readList(what: string, body: string | readonly string[]): Sliceable<ListAnswer | undefined> {
  const json = yield* parse(what, body);
  if (isRecord(json) && typeof json["code"] === "number") {
    if (json["code"] !== 0) return undefined;
    return readHosts(what, json["data"]);
  }
  return readHosts(what, json);
}

function readHosts(what: string, value: unknown): ListAnswer {
  const fields = isRecord(value) ? value : {};
  const hosts = Array.isArray(value) ? value : fields["hosts"];
  if (!Array.isArray(hosts))
    throw new SourceError("data", `${what}: Nacos's answer has no list of instances`);
  const { cacheMillis, lastRefTime } = fields;
  return {
    hosts,
    cacheMillis: isPositive(cacheMillis) ? cacheMillis : undefined,
    lastRefTime: isPositive(lastRefTime) ? lastRefTime : undefined,
    isProtected: fields["reachProtectionThreshold"] === true,
  };
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function* parse(what: string, body: string | readonly string[]): Sliceable<unknown> {
  try {
    return yield* parsePieces(body);
  } catch (error) {
    throw new SourceError("data", `${what}: Nacos's answer is no JSON`, { cause: error });
  }
}
