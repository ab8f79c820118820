import { configError } from "@proxyless/core";
import { knownKeys, oneOf, optionalText, record, text, wholeNumber } from "@proxyless/core/discovery";

import type { WatchedFiles } from "./bootstrap-credentials.ts";
import { findBootstrap } from "./bootstrap.ts";
import type { Bootstrap } from "./bootstrap.ts";

/**
 * A gRPC xDS bootstrap, in the words of its file: `xds_servers` (`server_uri`, `channel_creds`, `server_features`),
 * `node` (`id`, `cluster`, `locality`, `metadata`) and `certificate_providers`. Whatever else it holds is passed over.
 */
export interface XdsBootstrap {
  readonly xds_servers: readonly {
    readonly server_uri: string;
    readonly channel_creds: readonly { readonly type: string; readonly config?: object }[];
    readonly server_features?: readonly string[];
  }[];
  readonly node: {
    readonly id: string;
    readonly cluster?: string;
    readonly locality?: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
    readonly metadata?: Readonly<Record<string, unknown>>;
  };
  readonly certificate_providers?: Readonly<
    Record<string, { readonly plugin_name: string; readonly config?: object }>
  >;
}

/** How to reach a control plane, and what to ask it for. */
export interface XdsOptions {
  /** The bootstrap itself. Default: `bootstrapFile`, then the environment. */
  readonly bootstrap?: XdsBootstrap;
  /** The bootstrap's file. Default: `GRPC_XDS_BOOTSTRAP` (a path), then `GRPC_XDS_BOOTSTRAP_CONFIG` (the content). */
  readonly bootstrapFile?: string;
  /**
   * The cluster that a service is: a function of its name, or a template in which `{service}` stands for it
   * (`outbound|80||{service}.default.svc.cluster.local` with Istio). Default: `{service}`.
   */
  readonly clusterName?: string | ((service: string) => string);
  /**
   * What is asked for first. `clusters`: the cluster (CDS), which says where its endpoints are and has its policy;
   * `endpoints`: the endpoints (EDS) under the cluster's name, where there are no clusters to be had. Default: `clusters`.
   */
  readonly subscribe?: "clusters" | "endpoints";
  /**
   * How changes are told: `sotw`, as whole lists, which every control plane can do; `delta`, as what changed. Default: `sotw`.
   */
  readonly protocol?: "sotw" | "delta";
  /**
   * A `file_watcher` of the bootstrap's `certificate_providers` whose files secure the connection to the control plane,
   * instead of those of `channel_creds`; that must be of type `tls`. Default: none.
   */
  readonly certificateProvider?: string;
  /** A resource that was asked for and did not come within so long does not exist, in milliseconds, 100 to 600,000. Default: 15,000. */
  readonly doesNotExistMs?: number;
  /** Milliseconds to wait for a connection, 100 to 600,000. Default: 10,000. */
  readonly connectTimeoutMs?: number;
  /** How often a silent connection is probed (HTTP/2 ping), in milliseconds, 1,000 to 3,600,000. Default: 30,000. */
  readonly keepaliveMs?: number;
  /** A probe that is not answered within so long ends the connection, in milliseconds, 100 to 600,000. Default: 10,000. */
  readonly keepaliveTimeoutMs?: number;
  /** How often the first server is tried again while another one of the list is in use, in milliseconds, 100 to 3,600,000. Default: 30,000. */
  readonly returnMs?: number;
  /** The largest message that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxMessageBytes?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 30,000. */
  readonly emptyHoldMs?: number;
}

/** {@link XdsOptions}, checked and complete. */
export interface Settings {
  readonly bootstrap: Bootstrap;
  readonly clusterName: (service: string) => string;
  readonly subscribe: "clusters" | "endpoints";
  readonly protocol: "sotw" | "delta";
  readonly certificates: WatchedFiles | undefined;
  readonly doesNotExistMs: number;
  readonly connectTimeoutMs: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly returnMs: number;
  readonly maxMessageBytes: number;
  readonly emptyHoldMs: number;
}

const keys: readonly (keyof XdsOptions)[] = [
  "bootstrap",
  "bootstrapFile",
  "clusterName",
  "subscribe",
  "protocol",
  "certificateProvider",
  "doesNotExistMs",
  "connectTimeoutMs",
  "keepaliveMs",
  "keepaliveTimeoutMs",
  "returnMs",
  "maxMessageBytes",
  "emptyHoldMs",
];

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(
  options: XdsOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  knownKeys("", record("options", options), keys);
  const bootstrap = findBootstrap(options, environment);
  return Object.freeze({
    bootstrap,
    clusterName: resolveClusterName(options.clusterName),
    subscribe: oneOf("subscribe", options.subscribe, ["clusters", "endpoints"], "clusters"),
    protocol: oneOf("protocol", options.protocol, ["sotw", "delta"], "sotw"),
    certificates: resolveProvider(options.certificateProvider, bootstrap),
    doesNotExistMs: wholeNumber("doesNotExistMs", options.doesNotExistMs, 15_000, 100, 600_000),
    connectTimeoutMs: wholeNumber("connectTimeoutMs", options.connectTimeoutMs, 10_000, 100, 600_000),
    keepaliveMs: wholeNumber("keepaliveMs", options.keepaliveMs, 30_000, 1000, 3_600_000),
    keepaliveTimeoutMs: wholeNumber("keepaliveTimeoutMs", options.keepaliveTimeoutMs, 10_000, 100, 600_000),
    returnMs: wholeNumber("returnMs", options.returnMs, 30_000, 100, 3_600_000),
    maxMessageBytes: wholeNumber(
      "maxMessageBytes",
      options.maxMessageBytes,
      32 * 1024 * 1024,
      1024,
      1024 ** 3,
    ),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 30_000, 0, 86_400_000),
  });
}

function resolveClusterName(value: unknown): (service: string) => string {
  if (value === undefined) return (service) => service;
  if (typeof value === "function") {
    return (service) => text(`clusterName(${JSON.stringify(service)})`, value(service));
  }
  const template = text("clusterName", value);
  const [before, after, more] = template.split("{service}");
  if (after === undefined || more !== undefined) {
    throw configError("clusterName", "a function, or a template with {service} in it, once", template);
  }
  return (service) => before + service + after;
}

function resolveProvider(value: unknown, bootstrap: Bootstrap): WatchedFiles | undefined {
  const name = optionalText("certificateProvider", value);
  if (name === undefined) return undefined;
  const found = bootstrap.certificateProviders.get(name);
  if (found === undefined) {
    const known = [...bootstrap.certificateProviders.keys()].join(", ");
    const expected = `a file_watcher among the bootstrap's certificate_providers (${known === "" ? "none" : known})`;
    throw configError("certificateProvider", expected, name);
  }
  const plain = bootstrap.servers.find(({ security }) => security.type === "insecure");
  if (plain !== undefined) {
    throw configError("certificateProvider", `absent when ${plain.uri} has insecure channel_creds`, name);
  }
  return found;
}
