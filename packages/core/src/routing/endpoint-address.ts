import { hostPort, hostProblem } from "../discovery/host.ts";

/** The longest `host:port`: a host of 253 characters, brackets, a colon and a port. */
const maxLength = 261;
const shape = /^(?:\[([\da-f.]*:[\da-f:.]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/i;

/**
 * The address of an endpoint as the mesh writes it, or undefined for anything that cannot be one. What comes from a cookie or a
 * header is anybody's text: it may choose among a service's own endpoints, and does nothing else.
 */
export function readAddress(text: string): string | undefined {
  if (text.length > maxLength) return undefined;
  const [, bracketed, plain, digits] = shape.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || hostProblem(host) !== undefined) return undefined;
  return hostPort(host, port);
}
