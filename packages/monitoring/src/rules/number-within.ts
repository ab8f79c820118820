import { configError } from "@proxyless/core";

/**
 * A number within a range, or the default when absent.
 * @param fallback undefined where it has to be given
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function numberWithin(
  field: string,
  value: unknown,
  fallback: number | undefined,
  min: number,
  max: number,
): number {
  const given = value ?? fallback;
  if (typeof given !== "number" || !(given >= min && given <= max)) {
    throw configError(field, `a number from ${min} to ${max}`, value);
  }
  return given;
}
