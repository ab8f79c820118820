import { status } from "@grpc/grpc-js";
import { SourceError } from "@proxyless/core/discovery";

/** Those of which the status alone says what it is. */
const classes: Readonly<Record<string, SourceError["class"]>> = {
  UNAUTHENTICATED: "auth",
  PERMISSION_DENIED: "auth",
  UNIMPLEMENTED: "config",
  INVALID_ARGUMENT: "config",
  NOT_FOUND: "config",
};
const tls = /certificate|self.signed|SSL routines|tlsv1|TLS|handshake/i;
const parsing = /parsing error|larger than max|invalid wire type|index out of range/i;
const maxLength = 300;

/**
 * Why a stream is over, from gRPC's status: the class decides what is done about it.
 * @param secrets what the server was told and must not be quoted, should it say it back
 */
export function streamError(
  uri: string,
  code: number,
  details: string,
  secrets: readonly string[],
): SourceError {
  const name = status[code] ?? String(code);
  // What gRPC adds on resolving names is mostly empty.
  const said = secrets
    .reduce((text, secret) => text.replaceAll(secret, "(metadata)"), details)
    .replaceAll(/\s+/g, " ")
    .replace(/ ?Resolution note: ?$/, "")
    .slice(0, maxLength);
  const message = `xDS server ${uri}: ${name}${said === "" ? "" : `: ${said}`}`;
  return new SourceError(classOf(name, details), message);
}

function classOf(name: string, details: string): SourceError["class"] {
  const always = classes[name];
  if (always !== undefined) return always;
  if (parsing.test(details)) return "data";
  return name === "UNAVAILABLE" && tls.test(details) ? "auth" : "transient";
}
