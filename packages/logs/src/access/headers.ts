import { configError } from "@proxyless/core";

import type { LoggedCall, Reader } from "./logged-call.ts";

/** What a request has beside its headers, by the names that formats give it. */
const requestParts: Readonly<Record<string, Reader>> = {
  ":method": ({ event }) => event.method,
  ":path": ({ event }) => event.path,
  ":authority": ({ event }) => event.service,
  host: ({ event }) => event.service,
};

const responseParts: Readonly<Record<string, Reader>> = { ":status": ({ event }) => event.status };

/** Headers whose values are credentials. */
const secret = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);
const name = /^:?[!#$&'*+.^_`|~\dA-Za-z-]+$/;

/**
 * Reads the first of `X?Y` that the call has.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what is no header, and for headers that hold credentials
 */
export function headerReader(argument: string, field: string, of: "request" | "response"): Reader {
  const parts = of === "request" ? requestParts : responseParts;
  const names = argument.split("?");
  if (names.length > 2) throw configError(field, "a header, or X?Y: one and its alternative", argument);
  const readers = names.map((given) => {
    const header = given.toLowerCase();
    if (!name.test(header)) throw configError(field, "the name of a header", given);
    if (secret.has(header)) throw configError(field, "no header that holds credentials", given);
    return parts[header] ?? unknown;
  });
  return (call: LoggedCall) => {
    for (const read of readers) {
      const value = read(call);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}

/** The mesh tells nobody what headers a call had. */
const unknown: Reader = () => undefined;
