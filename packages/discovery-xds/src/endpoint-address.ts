import { isIP } from "node:net";

import type { Address } from "./endpoint-messages.ts";

/** Where an endpoint is reached, and what it is known by: nothing else in xDS stays the same across versions. */
export interface EndpointAddress {
  /** `10.0.0.1:8080`, `[::1]:8080`. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

const udp = 1;

/** Reads an address; `undefined` where HTTP cannot reach it: a pipe, an internal address, UDP, no port, no host. */
export function readEndpointAddress(message: Address | null | undefined): EndpointAddress | undefined {
  const socket = message?.socketAddress;
  if (socket === null || socket === undefined || socket.protocol === udp) return undefined;
  const { address: host, portValue: port } = socket;
  if (port < 1 || port > 65_535) return undefined;
  const version = isIP(host);
  if (version === 6) return { id: `[${host}]:${port}`, host, port };
  const isName = version === 4 || /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/.test(host);
  return isName ? { id: `${host}:${port}`, host, port } : undefined;
}
