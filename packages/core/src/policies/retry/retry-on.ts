import type { Phase } from "../../errors.ts";

/**
 * What a failed attempt is retried on, in Envoy's words (`retry_on`). Whatever stands here, a request that may have reached an
 * endpoint is only repeated where that does no harm.
 *
 * - `5xx`: any 5xx, and no answer at all (includes `connect-failure`, `refused-stream`, `reset`)
 * - `gateway-error`: 502, 503, 504
 * - `reset`: no whole answer: the connection broke, or a time limit of the attempt was reached
 * - `reset-before-request`: the same, where nothing of the request had been sent
 * - `connect-failure`: no connection could be made
 * - `refused-stream`: the endpoint refused the request before looking at it (HTTP/2 REFUSED_STREAM, GOAWAY)
 * - `retriable-4xx`: 409
 * - `retriable-status-codes`: those in `statuses`
 * - `retriable-headers`: answers with one of `headers`
 */
export const retryConditions = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "refused-stream",
  "retriable-4xx",
  "retriable-status-codes",
  "retriable-headers",
] as const;

export type RetryCondition = (typeof retryConditions)[number];

/** A response header that makes an answer worth repeating. */
export interface RetriableHeader {
  /** In any case. */
  readonly name: string;
  /** Exactly this value; any when absent. */
  readonly value?: string | undefined;
}

/** How a failed attempt ended, as far as retrying it goes. */
export interface FailedAnswer {
  /** How far it got. */
  readonly phase: Phase;
  /** Of a whole answer; undefined when there was none or it broke off. */
  readonly status: number | undefined;
  /** Of the answer, by lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The endpoint refused the request before looking at it. */
  readonly refused: boolean;
}

/** {@link RetriableHeader}, with its name in lower case. */
export interface ResolvedRetriableHeader {
  readonly name: string;
  readonly value: string | undefined;
}

/** Whether one of `on` holds for what came of an attempt. */
export function isRetriable(
  answer: FailedAnswer,
  on: readonly RetryCondition[],
  statuses: readonly number[],
  headers: readonly ResolvedRetriableHeader[],
): boolean {
  for (const condition of on) if (holds(condition, answer, statuses, headers)) return true;
  return false;
}

function holds(
  condition: RetryCondition,
  answer: FailedAnswer,
  statuses: readonly number[],
  matchers: readonly ResolvedRetriableHeader[],
): boolean {
  const { headers, phase, refused, status } = answer;
  const isLost = status === undefined;
  switch (condition) {
    case "5xx":
      return isLost || (status >= 500 && status <= 599);
    case "gateway-error":
      return status === 502 || status === 503 || status === 504;
    case "reset":
      return isLost;
    case "reset-before-request":
    case "connect-failure":
      return isLost && phase === "connect";
    case "refused-stream":
      return refused;
    case "retriable-4xx":
      return status === 409;
    case "retriable-status-codes":
      return status !== undefined && statuses.includes(status);
    case "retriable-headers":
    default:
      return matchers.some(({ name, value }) => has(headers[name], value));
  }
}

function has(found: string | readonly string[] | undefined, value: string | undefined): boolean {
  if (found === undefined) return false;
  return value === undefined || (typeof found === "string" ? found === value : found.includes(value));
}
