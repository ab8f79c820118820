import { readFileSync } from "node:fs";

import { configError, ProxylessError } from "@proxyless/core";
import type { Locality } from "@proxyless/core";
import { isRecord, optionalText, record, text } from "@proxyless/core/discovery";

import { readChannelCredentials, readFileWatcher } from "./bootstrap-credentials.ts";
import type { ChannelSecurity, WatchedFiles } from "./bootstrap-credentials.ts";
import { readServerUri } from "./server-uri.ts";

/** A management server as the bootstrap file describes it. */
export interface XdsServer {
  /** As it was written; shown in errors. */
  readonly uri: string;
  /** What gRPC connects to. */
  readonly target: string;
  readonly security: ChannelSecurity;
  /** gRPC's `ignore_resource_deletion` (A53): what the server no longer lists is kept. */
  readonly ignoresDeletion: boolean;
  /** gRPC's `resource_timer_is_transient_error` (A88): a resource that does not come is trouble, not absence. */
  readonly timerIsTransient: boolean;
}

/** Who this process says it is. */
export interface NodeIdentity {
  readonly id: string;
  readonly cluster: string | undefined;
  readonly locality: Locality | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
}

/** A bootstrap file, checked. */
export interface Bootstrap {
  readonly servers: readonly [XdsServer, ...XdsServer[]];
  readonly node: NodeIdentity;
  readonly certificateProviders: ReadonlyMap<string, WatchedFiles>;
}

/**
 * The bootstrap that is meant: `bootstrap`, else the file `bootstrapFile`, else the one that the environment names
 * (`GRPC_XDS_BOOTSTRAP`, a path), else the one that it holds (`GRPC_XDS_BOOTSTRAP_CONFIG`), in gRPC's order.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function findBootstrap(
  options: { readonly bootstrap?: unknown; readonly bootstrapFile?: unknown },
  environment: Readonly<Record<string, string | undefined>>,
): Bootstrap {
  const file = optionalText("bootstrapFile", options.bootstrapFile);
  if (options.bootstrap !== undefined) {
    if (file !== undefined) throw configError("bootstrapFile", "absent when bootstrap is given", file);
    return readBootstrap(options.bootstrap, "bootstrap");
  }
  if (file !== undefined) return readBootstrap(fileContent("bootstrapFile", file), "bootstrapFile");
  const { GRPC_XDS_BOOTSTRAP: path = "", GRPC_XDS_BOOTSTRAP_CONFIG: content = "" } = environment;
  if (path !== "") return readBootstrap(fileContent("GRPC_XDS_BOOTSTRAP", path), "GRPC_XDS_BOOTSTRAP");
  if (content !== "") {
    return readBootstrap(parsed("GRPC_XDS_BOOTSTRAP_CONFIG", content), "GRPC_XDS_BOOTSTRAP_CONFIG");
  }
  throw configError(
    "bootstrap",
    "given, here or as a file (bootstrapFile) or in the environment (GRPC_XDS_BOOTSTRAP, GRPC_XDS_BOOTSTRAP_CONFIG)",
    undefined,
  );
}

/**
 * Checks a bootstrap. Fields that are not known are passed over, as gRPC does: one file serves all languages.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
function readBootstrap(value: unknown, field: string): Bootstrap {
  const given = record(field, value);
  const servers = given["xds_servers"];
  if (!Array.isArray(servers)) throw configError(`${field}.xds_servers`, "an array of servers", servers);
  const [first, ...rest] = servers.map((server: unknown, i) =>
    readServer(server, `${field}.xds_servers[${i}]`),
  );
  if (first === undefined) throw configError(`${field}.xds_servers`, "one server at least", servers);
  return {
    servers: [first, ...rest],
    node: readNode(given["node"], `${field}.node`),
    certificateProviders: readProviders(given["certificate_providers"], `${field}.certificate_providers`),
  };
}

function readServer(value: unknown, field: string): XdsServer {
  const server = record(field, value);
  const uri = text(`${field}.server_uri`, server["server_uri"]);
  const features: unknown = server["server_features"] ?? [];
  if (!Array.isArray(features) || features.some((feature) => typeof feature !== "string")) {
    throw configError(`${field}.server_features`, "an array of strings", features);
  }
  return {
    uri,
    target: readServerUri(`${field}.server_uri`, uri),
    security: readChannelCredentials(`${field}.channel_creds`, server["channel_creds"]),
    ignoresDeletion: features.includes("ignore_resource_deletion"),
    timerIsTransient: features.includes("resource_timer_is_transient_error"),
  };
}

function readNode(value: unknown, field: string): NodeIdentity {
  const node = record(field, value);
  const { locality, metadata } = node;
  if (metadata !== undefined && !isRecord(metadata)) {
    throw configError(`${field}.metadata`, "an object", metadata);
  }
  return {
    id: text(`${field}.id`, node["id"]),
    cluster: emptyIsAbsent(`${field}.cluster`, node["cluster"]),
    locality: locality === undefined ? undefined : readLocality(locality, `${field}.locality`),
    metadata,
  };
}

function readLocality(value: unknown, field: string): Locality {
  const given = record(field, value);
  const region = emptyIsAbsent(`${field}.region`, given["region"]);
  const zone = emptyIsAbsent(`${field}.zone`, given["zone"]);
  const subZone = emptyIsAbsent(`${field}.sub_zone`, given["sub_zone"]);
  return {
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
    ...(subZone === undefined ? {} : { subZone }),
  };
}

function readProviders(value: unknown, field: string): ReadonlyMap<string, WatchedFiles> {
  const found = new Map<string, WatchedFiles>();
  if (value === undefined) return found;
  for (const [name, entry] of Object.entries(record(field, value))) {
    const provider = record(`${field}.${name}`, entry);
    const plugin = provider["plugin_name"];
    // One of another kind may be there for another language; it is missed only when it is used.
    if (plugin !== "file_watcher") continue;
    found.set(name, readFileWatcher(`${field}.${name}.config`, provider["config"]));
  }
  return found;
}

function fileContent(field: string, path: string): unknown {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw new ProxylessError(
      "ERR_PROXYLESS_CONFIG",
      `${field} must be a file that can be read, got ${path}`,
      {
        field,
        cause: error,
      },
    );
  }
  return parsed(field, content);
}

function parsed(field: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // What stands there may be secret: metadata of a node.
    throw configError(field, "JSON", `text of ${content.length} characters that is none`);
  }
}

function emptyIsAbsent(field: string, value: unknown): string | undefined {
  return value === "" ? undefined : optionalText(field, value);
}
