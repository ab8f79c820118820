import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";

import { readHost } from "../discovery/host.ts";
import { configError } from "../errors.ts";

/** An address of TEST-NET-1 (RFC 5737): routed like any other, and nothing is ever sent to it. */
const somewhere = "192.0.2.1";

/**
 * The address that others shall use: what was given, else the environment's `POD_IP`, else the one that this machine
 * would speak from. Never a wildcard, and loopback only when it is given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` when there is none, or when it is a wildcard
 */
export async function advertisedHost(given: string | undefined, podIp: string | undefined): Promise<string> {
  if (given !== undefined) return concrete("host", given);
  if (podIp !== undefined && podIp !== "") return concrete("POD_IP", podIp);
  const detected = (await routedAddress()) ?? interfaceAddress();
  if (detected !== undefined) return detected;
  throw configError("host", "given, because this machine has no address that others could use", undefined);
}

function concrete(field: string, host: string): string {
  const plain = readHost(host);
  if (plain === undefined) throw configError(field, "a host name or an IP address", host);
  // Every way to write "any": 0.0.0.0, ::, 0:0:0:0:0:0:0:0, ::0.0.0.0.
  if (isIP(plain) !== 0 && /^[0:.]+$/.test(plain)) {
    throw configError(field, "an address that others can reach, not a wildcard", host);
  }
  return plain;
}

/** Connecting a datagram socket sends nothing, but makes the system choose a route and with it an own address. */
async function routedAddress(): Promise<string | undefined> {
  const socket = createSocket("udp4");
  try {
    socket.connect(9, somewhere);
    await once(socket, "connect");
    const { address } = socket.address();
    return isUsable(address) ? address : undefined;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

function interfaceAddress(): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, internal, family } of addresses ?? []) {
      if (!internal && family === "IPv4" && isUsable(address)) return address;
    }
  }
  return undefined;
}

function isUsable(address: string): boolean {
  return address !== "0.0.0.0" && !address.startsWith("127.") && !address.startsWith("169.254.");
}
