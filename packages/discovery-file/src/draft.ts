import type { Endpoint } from "@proxyless/core";

/** An entry of a file: an endpoint as the directory will check it, or nothing that could be one. */
export type Draft = Endpoint | undefined;

/** What a file says, by service. */
export type ServiceDrafts = ReadonlyMap<string, readonly Draft[]>;

/** Reads `host:port`, `[v6]:port`, or a host alone when there is a port to go with it. */
export function parseAddress(
  value: string,
  defaultPort?: number,
): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]/@\s]+))(?::(?<port>\d{1,5}))?$/u.exec(value)?.groups;
  const host = match?.["v6"] ?? match?.["host"];
  const port = match?.["port"] === undefined ? defaultPort : Number(match["port"]);
  return host === undefined || port === undefined ? undefined : { host, port };
}

/** The entries that are text, of an object of anything. */
export function textsOf(value: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => {
      if (typeof each === "string") return [[key, each]];
      return typeof each === "number" || typeof each === "boolean" ? [[key, String(each)]] : [];
    }),
  );
}

/** A whole or broken number that was written as one or as text; `undefined` for anything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\d+(?:\.\d+)?$/u.test(value) ? Number(value) : undefined;
}
