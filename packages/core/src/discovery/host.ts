import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

/**
 * Addresses that serve credentials to whoever asks (cloud metadata), under every name they go by. A registry
 * entry that points there would turn a caller into a thief of its own keys.
 */
const metadataHosts: ReadonlySet<string> = new Set([
  "169.254.169.254",
  "169.254.170.2",
  "metadata.google.internal",
]);

const refusedV6 = new BlockList();
refusedV6.addAddress("fd00:ec2::254", "ipv6");
// IPv4 rules also match mapped addresses (::ffff:a.b.c.d); the next one is its NAT64 form.
refusedV6.addAddress("64:ff9b::a9fe:a9fe", "ipv6");
refusedV6.addAddress("169.254.169.254");
refusedV6.addAddress("169.254.170.2");
refusedV6.addAddress("0.0.0.0");
refusedV6.addAddress("::", "ipv6");
refusedV6.addSubnet("ff00::", 8, "ipv6");

const hostName = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?$/iu;
/** What a URL parser takes for an IPv4 address in disguise (`2852039166`, `0xa9.254.43518`). */
const endsInNumber = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/iu;

/**
 * Why a host cannot be an endpoint's, or `undefined` when it can: a DNS name, an IPv4 address in its plain form or
 * an IPv6 address without brackets and zone, none of them unspecified, multicast or a cloud metadata address.
 */
export function hostProblem(host: string): string | undefined {
  if (host.length === 0 || host.length > 253) return "1 to 253 characters long";
  if (isIPv4(host)) return ipv4Problem(host);
  if (host.includes(":")) {
    if (host.includes("%") || !isIPv6(host)) return "a valid IPv6 address without brackets and zone";
    return refusedV6.check(host, "ipv6")
      ? "an address other than an unspecified, multicast or cloud metadata one"
      : undefined;
  }
  if (!hostName.test(host) || endsInNumber.test(host)) return "a DNS name or an IP address";
  const plain = host.endsWith(".") ? host.slice(0, -1) : host;
  return metadataHosts.has(plain.toLowerCase()) ? "an address other than a cloud metadata one" : undefined;
}

function ipv4Problem(host: string): string | undefined {
  if (metadataHosts.has(host)) return "an address other than a cloud metadata one";
  const first = Number(host.slice(0, host.indexOf(".")));
  // 0/8 means "this host" and 224/3 holds multicast, reserved and broadcast addresses.
  return first === 0 || first >= 224
    ? "an address other than an unspecified, multicast or reserved one"
    : undefined;
}

/**
 * A host name or an IP address as others write it, IPv6 with or without brackets; `undefined` for anything else. Whether it may
 * be an endpoint's is for {@link hostProblem} to say.
 * @returns it without brackets
 */
export function readHost(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const host = value.startsWith("[") && value.endsWith("]") ? value.slice(1, -1) : value;
  return isIP(host) !== 0 || /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(host) ? host : undefined;
}

/** A port from 1 to 65,535, as a number or in digits; `undefined` for anything else. */
export function readPort(value: unknown): number | undefined {
  const port = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * A URL of another protocol than HTTP, as frameworks register for the doors that are not for HTTP clients
 * (`grpc://10.0.0.1:9000`): no endpoint, and no mistake either.
 */
export function isForeignUrl(value: unknown): boolean {
  if (typeof value !== "string" || !/^[a-z][a-z0-9+.-]*:\/\/./iu.test(value)) return false;
  return !/^https?:/iu.test(value) && URL.canParse(value);
}

/** `host:port`, with brackets around IPv6. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return hostPort(host, port);
}
