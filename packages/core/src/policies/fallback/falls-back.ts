import { ProxylessError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import type { ResolvedFallback } from "./fallback-policy.ts";

/** Errors that calling again, or somebody else, would not have spared the caller. */
const callersDoing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "ERR_PROXYLESS_CONFIG",
  "ERR_PROXYLESS_REQUEST",
  "ERR_PROXYLESS_UNKNOWN_SERVICE",
  "ERR_PROXYLESS_CLOSED",
]);

/** Whether an answer of this status is a failure that something else is answered instead of. */
export function fallsBackOnStatus({ statuses }: ResolvedFallback, status: number): boolean {
  return statuses === undefined ? status >= 500 : statuses.includes(status);
}

/** Whether something else is answered instead of this error. What is no error of ours is the caller's own reason to give up. */
export function fallsBackOnError(
  { errors }: Pick<ResolvedFallback, "errors">,
  error: unknown,
): error is ProxylessError {
  if (!(error instanceof ProxylessError)) return false;
  return errors === undefined ? !callersDoing.has(error.code) : errors.includes(error.code);
}

/** Whether the service can have seen nothing of a call that ended with this error. */
export function wasNeverSent({ attempts, phase }: ProxylessError): boolean {
  const isUntouched = phase === undefined || phase === "connect";
  return isUntouched && attempts.every((attempt) => attempt.phase === "connect");
}
