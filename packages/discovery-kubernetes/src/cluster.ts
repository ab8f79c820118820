import { readFileSync } from "node:fs";

import { configError } from "@proxyless/core";
import { resolveTls } from "@proxyless/core/discovery";
import type { RegistryTls, RegistryUrls, TokenOptions } from "@proxyless/core/discovery";

/** PEM text, or the file that holds it and may be renewed. */
export type Pem = { readonly data: string | Buffer } | { readonly file: string };

/** How to speak TLS to an API server, with files that are read again. */
export interface ClusterTls {
  readonly ca?: Pem | undefined;
  readonly cert?: Pem | undefined;
  readonly key?: Pem | undefined;
  readonly serverName?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

/** Which API server to ask, and as whom. */
export interface Cluster {
  readonly urls: RegistryUrls;
  readonly token: TokenOptions;
  /** `undefined` for `http://`. */
  readonly tls: ClusterTls | undefined;
  /** The namespace of names that say none. */
  readonly namespace: string;
}

/**
 * Reads every file of the TLS options.
 * @param field what the options came from, for errors
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a file that is missing or holds no PEM
 */
export function readTls(tls: ClusterTls, field: string): RegistryTls {
  const { ca, cert, key, serverName, rejectUnauthorized } = tls;
  const read = (name: string, pem: Pem | undefined): object =>
    pem === undefined ? {} : { [name]: "data" in pem ? pem.data : contentOf(`${field}.${name}`, pem.file) };
  const given = {
    ...read("ca", ca),
    ...read("cert", cert),
    ...read("key", key),
    ...(serverName === undefined ? {} : { serverName }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
  return resolveTls(given, field) ?? {};
}

/** The files that the TLS options name. */
export function filesOf(tls: ClusterTls | undefined): readonly string[] {
  return [tls?.ca, tls?.cert, tls?.key].flatMap((pem) =>
    pem !== undefined && "file" in pem ? [pem.file] : [],
  );
}

function contentOf(field: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw configError(field, "a file that can be read", file);
  }
}
