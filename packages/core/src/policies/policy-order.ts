import { configError } from "../errors.ts";
import { fieldPath } from "../option-checks.ts";

/**
 * Fields of different parts of a policy of which the first is never above the second: a wait that is longer than what it is
 * part of would have no effect.
 */
export const policyOrder: readonly (readonly [least: string, most: string])[] = [
  ["hedge.delayMs", "timeout.attemptMs"],
  ["hedge.delayMs", "timeout.totalMs"],
  ["bulkhead.queueTimeoutMs", "timeout.totalMs"],
  ["adaptiveConcurrency.queueTimeoutMs", "timeout.totalMs"],
  ["circuit.slowCallMs", "timeout.totalMs"],
];

/**
 * Holds a policy as it was written against {@link policyOrder}.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` where it gives both fields of a pair in the wrong order
 */
export function checkOrder(own: object, prefix: string): void {
  for (const [least, most] of policyOrder) {
    const value = numberAt(own, least);
    const limit = numberAt(own, most);
    if (value === undefined || limit === undefined || value <= limit) continue;
    throw configError(fieldPath(prefix, least), `at most ${fieldPath(prefix, most)} (${limit})`, value);
  }
}

/**
 * Puts a resolved policy into {@link policyOrder}: what was not given itself (a default, a preset's, a service's) gives way to
 * what was.
 * @param own the policy as it was written; it passed {@link checkOrder}
 */
export function settleOrder<T extends object>(resolved: T, own: object): T {
  let settled = resolved;
  for (const [least, most] of policyOrder) {
    const place = placeOf(least);
    const value = numberAt(settled, place);
    const limit = numberAt(settled, most);
    if (value === undefined || limit === undefined || value <= limit) continue;
    settled = numberAt(own, least) === undefined ? put(settled, place, limit) : put(settled, most, value);
  }
  return settled;
}

/** Limits stand together in a resolved policy. */
function placeOf(path: string): string {
  return /^(bulkhead|adaptiveConcurrency)\./.test(path) ? `limits.${path}` : path;
}

function numberAt(policy: object, path: string): number | undefined {
  let at: unknown = policy;
  for (const key of path.split("."))
    at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
  return typeof at === "number" ? at : undefined;
}

function put<T extends object>(policy: T, path: string, value: number): T {
  const [key = "", ...rest] = path.split(".");
  const inner: unknown = Reflect.get(policy, key);
  const isLast = rest.length === 0 || typeof inner !== "object" || inner === null;
  return Object.freeze({ ...policy, [key]: isLast ? value : put(inner, rest.join("."), value) });
}
