import { checkFlag, checkNumber, checkObject, fieldPath } from "../option-checks.ts";
import type { ResolvedDeadline, ResolvedPropagation } from "./deadline-policy.ts";

/** One time is enough, and headers cost more than all else that a call does about its deadline. */
const usual: ResolvedPropagation = Object.freeze({
  grpcTimeout: false,
  envoyTimeout: true,
  criticality: true,
  chainStop: true,
});

/** What holds where nothing is said. */
export const deadlineDefaults: ResolvedDeadline = Object.freeze({
  inherit: true,
  propagate: usual,
  reserveMs: 0,
});

/**
 * Checks a {@link DeadlinePolicy} and fills in what it leaves out.
 * @param input what the user wrote; `false` when calls neither inherit a deadline nor tell one
 * @param path of the policy in error messages
 * @param defaults of the service, for a route
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveDeadline(
  input: unknown,
  path: string,
  defaults: ResolvedDeadline = deadlineDefaults,
): ResolvedDeadline | false {
  if (input === false) return false;
  const given = checkObject(input, path, ["inherit", "propagate", "reserveMs"], true);
  const reserve = checkNumber(given["reserveMs"], fieldPath(path, "reserveMs"), { min: 0, max: 60_000 });
  return Object.freeze({
    inherit: checkFlag(given["inherit"], fieldPath(path, "inherit")) ?? defaults.inherit,
    propagate: resolvePropagation(given["propagate"], fieldPath(path, "propagate"), defaults.propagate),
    reserveMs: reserve ?? defaults.reserveMs,
  });
}

function resolvePropagation(
  input: unknown,
  path: string,
  defaults: ResolvedPropagation | false,
): ResolvedPropagation | false {
  if (input === undefined) return defaults;
  if (input === false) return false;
  const keys = ["grpcTimeout", "envoyTimeout", "criticality", "chainStop"] as const;
  const given = checkObject(input, path, keys, true);
  const base = defaults === false ? usual : defaults;
  const one = (key: (typeof keys)[number]): boolean =>
    checkFlag(given[key], fieldPath(path, key)) ?? base[key];
  const resolved = {
    grpcTimeout: one("grpcTimeout"),
    envoyTimeout: one("envoyTimeout"),
    criticality: one("criticality"),
    chainStop: one("chainStop"),
  };
  return Object.values(resolved).includes(true) ? Object.freeze(resolved) : false;
}
