import { isRecord, readHost, readPort } from "@proxyless/core/discovery";

/** One door of a Kratos service. */
export interface KratosDoor {
  readonly host: string;
  readonly port: number;
  readonly scheme: "http" | "https";
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads an instance of Kratos, which writes one for each door of a service, HTTP or not, all alike but for a URL: the secure port
 * is never enabled, and the host name is the application's.
 * @returns `ignored` for a door that HTTP clients cannot use; `undefined` for an instance of somebody else
 */
export function readKratosDoor(fields: Fields): KratosDoor | "ignored" | undefined {
  const metadata = isRecord(fields["metadata"]) ? fields["metadata"] : {};
  if (metadata["agent"] !== "go-eureka-client") return undefined;
  const host = readHost(fields["ipAddr"]);
  const port = readPort(isRecord(fields["port"]) ? fields["port"]["$"] : undefined);
  if (host === undefined || port === undefined) return undefined;
  // Doors of a service with metadata of its own share them, so that all have the last one's URL; the pages are each one's own.
  const urls = [
    metadata["Endpoints"],
    fields["homePageUrl"],
    fields["statusPageUrl"],
    fields["healthCheckUrl"],
  ];
  const scheme = urls.map((url) => schemeAt(url, port)).find((found) => found !== undefined);
  if (scheme === undefined) return undefined;
  return scheme === "http" || scheme === "https" ? { host, port, scheme } : "ignored";
}

/** The scheme of a URL; `undefined` when it is that of another port. */
function schemeAt(text: unknown, port: number): string | undefined {
  if (typeof text !== "string" || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  const usual = scheme === "http" ? 80 : scheme === "https" ? 443 : undefined;
  return (url.port === "" ? usual : Number(url.port)) === port ? scheme : undefined;
}
