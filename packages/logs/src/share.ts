import { configError } from "@proxyless/core";

/** A part of a whole, or `undefined` when absent. */
export function share(field: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !(value >= 0 && value <= 1)) {
    throw configError(field, "a number from 0 to 1", value);
  }
  return value;
}
