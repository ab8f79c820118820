import type { DiscoveryError } from "../discovery/source.ts";
import type { DiscoveryErrorClass } from "../errors.ts";
import type { RegistryResponse } from "./registry-http.ts";

/** What an error of a registry may say besides its message. */
export interface SourceErrorDetails {
  readonly cause?: unknown;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Why a registry gave nothing usable, with the class that decides what is done about it. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly class: DiscoveryErrorClass;
  /** The answer's status; absent when there was no whole answer. */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(kind: DiscoveryErrorClass, message: string, details: SourceErrorDetails = {}) {
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
export function toDiscoveryError(error: SourceError): DiscoveryError {
  return {
    class: error.class,
    message: error.message,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  };
}

/** Anything that was thrown, as a {@link SourceError}; `transient` unless it says otherwise. */
export function toSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError("transient", error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

/**
 * Reads an answer whose status is no success: 401 and 403 are `auth`; 408, 429 and 5xx `transient`; everything else
 * `config`. The first 200 characters of the body are quoted.
 */
export function statusError(what: string, response: RegistryResponse, wallNow: number): SourceError {
  const { status } = response;
  const said = response.body.replaceAll(/\s+/g, " ").trim().slice(0, 200);
  const message = `${what} answered ${status}${said === "" ? "" : ` "${said}"`}`;
  const retryAfterMs = readRetryAfter(response.headers["retry-after"], wallNow);
  return new SourceError(classOfStatus(status), message, { status, retryAfterMs });
}

function classOfStatus(status: number): DiscoveryErrorClass {
  if (status === 401 || status === 403) return "auth";
  return status === 408 || status === 429 || status >= 500 ? "transient" : "config";
}

const maxRetryAfterMs = 300_000;

/** `Retry-After` in seconds or as a date; nonsense is ignored, and five minutes is the most anyone may ask for. */
function readRetryAfter(value: string | undefined, wallNow: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - wallNow;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), maxRetryAfterMs);
}
