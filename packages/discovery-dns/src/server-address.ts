import { isIP, isIPv6 } from "node:net";

import { hostPort } from "@proxyless/core/discovery";

/** Where a DNS server listens. */
export interface ServerAddress {
  /** An IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const bracketed = /^\[(?<host>[^\]]+)\](?::(?<port>\d{1,5}))?$/u;
const plain = /^(?<host>[^:]+):(?<port>\d{1,5})$/u;

/** Reads `10.0.0.2`, `10.0.0.2:5353`, `fd00::2` or `[fd00::2]:5353`; port 53 where there is none; `undefined` for anything else. */
export function parseServer(value: string): ServerAddress | undefined {
  if (isIP(value) !== 0) return { host: value, port: 53 };
  const inBrackets = bracketed.exec(value)?.groups;
  const parts = inBrackets ?? plain.exec(value)?.groups;
  const host = parts?.["host"] ?? "";
  const port = Number(parts?.["port"] ?? 53);
  const isAddress = inBrackets === undefined ? isIP(host) === 4 : isIPv6(host);
  return isAddress && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/** `10.0.0.2:53`, `[fd00::2]:53` */
export function showServer({ host, port }: ServerAddress): string {
  return hostPort(host, port);
}
