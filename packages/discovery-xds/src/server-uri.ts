import { configError } from "@proxyless/core";

const expected =
  'a name or address with a port ("istiod:15010"), dns:///, ipv4:, ipv6:, unix: or unix-abstract:';

/**
 * What gRPC connects to. gRPC takes anything for a DNS name, so that a mistake (`http://…`) would only show as a name
 * that cannot be found.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function readServerUri(field: string, uri: string): string {
  if (/^(?:dns|ipv4|ipv6|unix|unix-abstract):./.test(uri)) return uri;
  if (!/^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.test(uri))
    throw configError(field, expected, uri);
  return `dns:///${uri}`;
}
