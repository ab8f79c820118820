import { readHost, readPort } from "@proxyless/core/discovery";

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
  const plain = readHost(host);
  if (plain === undefined || typeof port !== "number" || readPort(port) === undefined) return undefined;
  return { host: plain, port, ...(scheme === undefined ? {} : { scheme }) };
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
