import { isIP } from "node:net";

/** Where an instance is reached. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly scheme?: "http" | "https";
}

/** Reads `host:port`, `[v6]:port` or an HTTP URL; `undefined` for anything else. */
export function readAddress(text: unknown): Address | undefined {
  if (typeof text !== "string" || text.length > 512) return undefined;
  if (text.includes("://")) return readUrl(text);
  const [, v6, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text.trim()) ?? [];
  return makeAddress(v6 ?? plain, Number(port));
}

/** A host and a port apart; `undefined` when they are none. */
export function makeAddress(host: unknown, port: unknown, scheme?: Address["scheme"]): Address | undefined {
  if (typeof host !== "string" || typeof port !== "number") return undefined;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const plain = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const isName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(plain);
  if (!isName && isIP(plain) === 0) return undefined;
  return { host: plain, port, ...(scheme === undefined ? {} : { scheme }) };
}

/** `host:port`, with brackets around IPv6. */
export function writeAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Kratos marks what speaks TLS by the scheme, and did it by `isSecure=true` before. */
function readUrl(text: string): Address | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  const isSecure = url.protocol === "https:" || url.searchParams.get("isSecure") === "true";
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return makeAddress(url.hostname, port, isSecure ? "https" : "http");
}
