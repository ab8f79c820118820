import type { DiscoveryError, DiscoveryErrorClass } from "@proxyless/core";

import type { ConsulResponse } from "./http-client.ts";

/** Why a request to Consul gave nothing usable. */
export class ConsulError extends Error {
  override readonly name = "ConsulError";
  readonly class: DiscoveryErrorClass;
  /** The answer's status; absent when there was no whole answer. */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: DiscoveryErrorClass,
    message: string,
    details: { cause?: unknown; status?: number; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.class = kind;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether another address might do better: the trouble is the server's, not the request's. */
  get isServerTrouble(): boolean {
    return this.class === "transient" || this.class === "data";
  }
}

/** What a sink is told. */
export function toDiscoveryError(error: ConsulError): DiscoveryError {
  return {
    class: error.class,
    message: error.message,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  };
}

/** Anything that was thrown, as a {@link ConsulError}. */
export function toConsulError(error: unknown): ConsulError {
  if (error instanceof ConsulError) return error;
  return new ConsulError("transient", error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

/** Consul says these with status 500 although the request itself is what is wrong. */
const refusals =
  /no path to datacenter|failed to create boolean expression|invalid (index|wait|consistency)/i;

const maxRetryAfterMs = 300_000;

/** Reads an answer that is not 200. */
export function statusError(what: string, response: ConsulResponse, wallNow: number): ConsulError {
  const { status } = response;
  const said = response.body.replaceAll(/\s+/g, " ").trim().slice(0, 200);
  const message = `${what}: Consul answered ${status}${said === "" ? "" : ` "${said}"`}`;
  const retryAfterMs = retryAfter(response.headers["retry-after"], wallNow);
  if (status === 401 || status === 403) return new ConsulError("auth", message, { status, retryAfterMs });
  if (status === 429 || (status >= 500 && !refusals.test(said))) {
    return new ConsulError("transient", message, { status, retryAfterMs });
  }
  return new ConsulError("config", message, { status, retryAfterMs });
}

/** `Retry-After` in seconds or as a date; nonsense is ignored, and five minutes is the most anyone may ask for. */
function retryAfter(value: string | undefined, wallNow: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - wallNow;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), maxRetryAfterMs);
}
