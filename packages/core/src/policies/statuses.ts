import { configError } from "../errors.ts";
import { checkArray, checkNumber } from "../option-checks.ts";

/**
 * Checks a list of response statuses, each once.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveStatuses(input: unknown, path: string): readonly number[] | undefined {
  const given = checkArray(input, path, "statuses from 400 to 599");
  if (given === undefined) return undefined;
  const statuses = new Set<number>();
  for (const [index, value] of given.entries()) {
    const field = `${path}[${index}]`;
    const status = checkNumber(value, field, { min: 400, max: 599, integer: true });
    if (status === undefined) throw configError(field, "a status from 400 to 599", value);
    statuses.add(status);
  }
  return Object.freeze([...statuses]);
}
