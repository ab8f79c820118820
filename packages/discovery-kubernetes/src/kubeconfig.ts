import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";

import { configError } from "@proxyless/core";
import { isRecord, isToken, resolveUrls } from "@proxyless/core/discovery";
import type { TokenOptions } from "@proxyless/core/discovery";
import { parse } from "yaml";

import type { Cluster, ClusterTls, Pem } from "./cluster.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One entry of a list of a kubeconfig, and the folder that its relative paths start from. */
interface Entry {
  readonly fields: Fields;
  readonly folder: string;
}

/** Kubeconfig files as one: of two entries with one name the first file's counts. */
interface Merged {
  readonly current: string | undefined;
  readonly lists: Readonly<Record<"clusters" | "users" | "contexts", ReadonlyMap<string, Entry>>>;
}

/** The files of `KUBECONFIG`, or the one in the home folder. */
export function defaultKubeconfigs(env: NodeJS.ProcessEnv): readonly string[] {
  const named = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  return named.length > 0 ? named : [join(homedir(), ".kube", "config")];
}

/**
 * The cluster of a context of kubeconfig files.
 * @param context default: the files' `current-context`
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for files that cannot be read, name no such context, or ask for a way to
 * log in that is not supported (plugins, basic auth, impersonation) or for an HTTP proxy; a secret is never quoted
 */
export function readKubeconfig(files: readonly string[], context: string | undefined): Cluster {
  const merged = merge(files);
  const name = context ?? merged.current;
  if (name === undefined)
    throw configError("kubeconfig", "one with a current-context, or context given", files.join());
  const chosen = entry(merged, "contexts", name, "context");
  const clusterName = textOf(chosen.fields, "cluster") ?? "";
  const userName = textOf(chosen.fields, "user");
  const cluster = entry(merged, "clusters", clusterName, "cluster");
  const user: Entry =
    userName === undefined ? { fields: {}, folder: "" } : entry(merged, "users", userName, "user");
  refuse(`kubeconfig cluster ${clusterName}`, cluster.fields, { "proxy-url": "a proxy" });
  refuse(`kubeconfig user ${userName}`, user.fields, {
    exec: "a credential plugin (exec); give a token, a tokenFile or a client certificate",
    "auth-provider": "an auth-provider; give a token, a tokenFile or a client certificate",
    username: "basic auth",
    as: "impersonation",
  });
  const isSecure = textOf(cluster.fields, "server")?.startsWith("https:") === true;
  return {
    urls: resolveUrls(textOf(cluster.fields, "server"), false, `kubeconfig cluster ${clusterName}: server`),
    token: tokenOf(user, userName ?? ""),
    tls: isSecure ? tlsOf(cluster, user, clusterName) : undefined,
    namespace: textOf(chosen.fields, "namespace") ?? "default",
  };
}

function merge(files: readonly string[]): Merged {
  const lists = {
    clusters: new Map<string, Entry>(),
    users: new Map<string, Entry>(),
    contexts: new Map<string, Entry>(),
  };
  const inner = { clusters: "cluster", users: "user", contexts: "context" } as const;
  let current: string | undefined;
  for (const file of files) {
    const config = load(file);
    current ??= textOf(config, "current-context");
    for (const list of ["clusters", "users", "contexts"] as const) {
      const items: unknown = config[list];
      for (const item of Array.isArray(items) ? items : []) {
        if (!isRecord(item) || typeof item["name"] !== "string" || lists[list].has(item["name"])) continue;
        const fields: unknown = item[inner[list]];
        lists[list].set(item["name"], { fields: isRecord(fields) ? fields : {}, folder: dirname(file) });
      }
    }
  }
  return { current, lists };
}

function load(file: string): Fields {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw configError("kubeconfig", "a file that can be read", file);
  }
  let config: unknown;
  try {
    config = parse(text);
  } catch {
    // The parser quotes what it stumbled on, which may be a secret.
    throw configError("kubeconfig", "YAML", file);
  }
  if (!isRecord(config)) throw configError("kubeconfig", "YAML with clusters, users and contexts", file);
  return config;
}

function entry(merged: Merged, list: keyof Merged["lists"], name: string, what: string): Entry {
  const found = merged.lists[list].get(name);
  if (found !== undefined) return found;
  const known = [...merged.lists[list].keys()].join(", ");
  throw configError(`kubeconfig ${what}`, `one of ${known === "" ? "none" : known}`, name);
}

function refuse(where: string, fields: Fields, unsupported: Readonly<Record<string, string>>): void {
  for (const [key, what] of Object.entries(unsupported)) {
    if (fields[key] !== undefined && fields[key] !== "") throw configError(where, `without ${what}`, key);
  }
}

function tokenOf(user: Entry, name: string): TokenOptions {
  const file = textOf(user.fields, "tokenFile");
  // A file is the fresher of the two.
  if (file !== undefined) return { tokenFile: located(user, file) };
  const token = textOf(user.fields, "token");
  if (token === undefined) return {};
  if (!isToken(token))
    throw configError(`kubeconfig user ${name}: token`, "printable ASCII without spaces", "something else");
  return { token };
}

function tlsOf(cluster: Entry, user: Entry, name: string): ClusterTls {
  const ca = pemOf(cluster, "certificate-authority");
  const isInsecure = cluster.fields["insecure-skip-tls-verify"] === true;
  if (isInsecure && ca !== undefined) {
    throw configError(
      `kubeconfig cluster ${name}: certificate-authority`,
      "absent with insecure-skip-tls-verify",
      "both",
    );
  }
  return {
    ca,
    cert: pemOf(user, "client-certificate"),
    key: pemOf(user, "client-key"),
    serverName: textOf(cluster.fields, "tls-server-name"),
    rejectUnauthorized: !isInsecure,
  };
}

function pemOf(where: Entry, key: string): Pem | undefined {
  const data = textOf(where.fields, `${key}-data`);
  if (data !== undefined) return { data: Buffer.from(data, "base64") };
  const file = textOf(where.fields, key);
  return file === undefined ? undefined : { file: located(where, file) };
}

function located({ folder }: Entry, file: string): string {
  return isAbsolute(file) ? file : join(folder, file);
}

function textOf(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}
