import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import { checkObject } from "../option-checks.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import type { PolicyKind, PolicyOptions } from "./policy.ts";

/** {@link PolicyOptions} with every field known. */
export interface CommonOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The keys of options that say what a failure is. */
export const judgingKeys = ["handle", "isFailure"] as const;

/**
 * Checks what a policy is made with besides the policy itself.
 * @param functions the keys besides those of {@link PolicyOptions}; each is a function or left out
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function commonOptions(
  options: PolicyOptions,
  kind: PolicyKind,
  functions: readonly string[] = [],
  others: readonly string[] = [],
): CommonOptions {
  const given = checkObject(options, "options", ["name", "clock", "random", ...functions, ...others]);
  const { clock, name, random } = options;
  if (name !== undefined && (typeof name !== "string" || name === "")) {
    throw configError("options.name", "a name", name);
  }
  if (clock !== undefined && typeof clock.setTimer !== "function") {
    throw configError("options.clock", "a clock", clock);
  }
  for (const key of ["random", ...functions]) {
    const value = given[key];
    if (value !== undefined && typeof value !== "function") {
      throw configError(`options.${key}`, "a function", value);
    }
  }
  return { name: name ?? kind, clock: clock ?? systemClock, random: random ?? systemRandom };
}
