import { isRecord, SourceError, statusError } from "@proxyless/core/discovery";
import type { RegistryResponse } from "@proxyless/core/discovery";

/** What the API server says of a request that it did not serve. */
interface Status {
  readonly code: number | undefined;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
  readonly isTooFarAhead: boolean;
}

/** The API server has forgotten the revision that was asked for, or has not got to it: the next list must ask for none. */
export class RevisionError extends SourceError {}

/** What kind of request failed. */
export interface Asked {
  readonly verb: "list" | "watch";
  readonly namespace: string;
}

/** An answer whose status is no success, as an error that says what to do about it. */
export function apiError(asked: Asked, response: RegistryResponse, wallNow: number): SourceError {
  const status = readStatus(parse(response.body));
  const what = `${asked.verb} of endpointslices in namespace ${asked.namespace}`;
  const body = status === undefined ? response.body : status.message;
  const plain = statusError(what, { ...response, body }, wallNow);
  const details = { status: response.status, retryAfterMs: plain.retryAfterMs ?? status?.retryAfterMs };
  if (response.status === 403) return new SourceError("auth", `${plain.message}; ${rights(asked)}`, details);
  if (response.status === 401) {
    return new SourceError(
      "auth",
      `${plain.message}; the API server does not know the token or certificate`,
      details,
    );
  }
  if (response.status === 410) return new RevisionError("protocol-reset", plain.message, details);
  if (status?.isTooFarAhead === true) return new RevisionError("transient", plain.message, details);
  return new SourceError(plain.class, plain.message, details);
}

/** An `ERROR` event of a watch. */
export function eventError(asked: Asked, object: unknown): SourceError {
  const status = readStatus(object);
  const code = status?.code ?? 500;
  const said = `watch of endpointslices in namespace ${asked.namespace} ended with ${code} "${status?.message ?? ""}"`;
  const details = { status: code, retryAfterMs: status?.retryAfterMs };
  if (code === 410) return new RevisionError("protocol-reset", said, details);
  if (status?.isTooFarAhead === true) return new RevisionError("transient", said, details);
  if (code === 401 || code === 403) return new SourceError("auth", `${said}; ${rights(asked)}`, details);
  return new SourceError("transient", said, details);
}

function rights({ verb, namespace }: Asked): string {
  return `it needs the verb ${verb} on endpointslices of discovery.k8s.io in namespace ${namespace}`;
}

function readStatus(value: unknown): Status | undefined {
  if (!isRecord(value) || value["kind"] !== "Status") return undefined;
  const { code, message } = value;
  const details = isRecord(value["details"]) ? value["details"] : {};
  const seconds = details["retryAfterSeconds"];
  const causes: readonly unknown[] = Array.isArray(details["causes"]) ? details["causes"] : [];
  const said = typeof message === "string" ? message.replaceAll(/\s+/g, " ").slice(0, 300) : "";
  return {
    code: typeof code === "number" ? code : undefined,
    message: said,
    retryAfterMs: typeof seconds === "number" && seconds > 0 ? Math.min(seconds, 300) * 1000 : undefined,
    isTooFarAhead:
      causes.some((cause) => isRecord(cause) && cause["reason"] === "ResourceVersionTooLarge") ||
      said.includes("Too large resource version"),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
