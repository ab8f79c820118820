import { criticalities, isCriticality } from "../../context/criticality.ts";
import type { Criticality } from "../../context/criticality.ts";
import type { CallRetryOptions, PickExplanation } from "../../engine/request.ts";
import { ProxylessError, show } from "../../errors.ts";

/** What a call may ask of the mesh beyond WHATWG; without effect on hosts that are no service. */
export interface FetchCallOptions {
  /** Total time in milliseconds until the answer's head, more than 0; the service's policy when absent. Redirects share it. */
  readonly timeoutMs?: number | undefined;
  /** Overrides the service's retry policy; `false` for none. */
  readonly retry?: CallRetryOptions | false | undefined;
  /** Sent as `idempotency-key`; makes any method retryable. The header of that name means the same. */
  readonly idempotencyKey?: string | undefined;
  /** What hash-based balancers hash. */
  readonly hashKey?: string | undefined;
  /** How much the call matters where calls are shed: that of the work it is made in by default, else `critical`. */
  readonly criticality?: Criticality | undefined;
  /** Whose calls it is counted with, where the rate limit is per key. */
  readonly rateLimitKey?: string | undefined;
  /**
   * The endpoint to call, `host:port`, or several in order of preference; one that is not there or may not be picked is
   * passed over, and if none is left the balancer chooses.
   */
  readonly endpoint?: string | readonly string[] | undefined;
  /** Called for each attempt with the reasons for the choice of its endpoint. */
  readonly explain?: ((explanation: PickExplanation) => void) | undefined;
}

/** The second argument of `mesh.fetch`: WHATWG's, and `mesh`. */
export interface FetchInit extends RequestInit {
  readonly mesh?: FetchCallOptions | undefined;
}

/**
 * The type of `mesh.fetch`: that of the global `fetch`, with {@link FetchCallOptions} under `mesh`.
 */
export type MeshFetch = (input: string | URL | Request, init?: FetchInit) => Promise<Response>;

/** @throws ProxylessError `ERR_PROXYLESS_REQUEST` naming the option, its range and what came */
export function readCallOptions(value: unknown): FetchCallOptions | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw optionError("mesh", "an object", value);
  // `timeoutMs` and `retry` are the engine's to judge, as for the other doors.
  const { idempotencyKey, hashKey, explain } = value;
  if (idempotencyKey !== undefined && !(typeof idempotencyKey === "string" && isKey(idempotencyKey))) {
    throw optionError("mesh.idempotencyKey", "1 to 255 printable ASCII characters", typeof idempotencyKey);
  }
  if (hashKey !== undefined && typeof hashKey !== "string") {
    throw optionError("mesh.hashKey", "a string", hashKey);
  }
  const { criticality, rateLimitKey } = value;
  if (criticality !== undefined && !isCriticality(criticality)) {
    throw optionError("mesh.criticality", `one of ${criticalities.join(", ")}`, criticality);
  }
  if (rateLimitKey !== undefined && typeof rateLimitKey !== "string") {
    throw optionError("mesh.rateLimitKey", "a string", rateLimitKey);
  }
  if (explain !== undefined && typeof explain !== "function") {
    throw optionError("mesh.explain", "a function", explain);
  }
  return value;
}

function isKey(text: string): boolean {
  return /^[\u0021-\u007e]{1,255}$/.test(text);
}

function isObject(value: unknown): value is FetchCallOptions {
  return typeof value === "object" && value !== null;
}

function optionError(field: string, expected: string, received: unknown): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_REQUEST", `${field} must be ${expected}, got ${show(received)}`, {
    field,
  });
}
