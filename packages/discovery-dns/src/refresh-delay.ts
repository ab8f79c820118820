import type { Random } from "@proxyless/core";

import type { Settings } from "./options.ts";

/** The share of a time to live by which a look comes earlier at most, so that a fleet does not ask in step. */
const jitterRatio = 0.1;
/** How long after a cache let go of a record it is asked, in milliseconds at most. */
const cacheSpreadMs = 20;
/** How long the absence of a record counts where the server does not say, in seconds. */
const defaultNegativeTtl = 5;

/** The settings that decide when to look again. */
export type RefreshSettings = Pick<Settings, "minRefreshMs" | "maxRefreshMs">;

/**
 * Milliseconds until records are asked for again: their time to live within the bounds, and up to a tenth less, never
 * more. What is left of it in a cache is waited out: until then the cache only says the same again.
 * @param ttl in seconds; `undefined` for records that do not exist and whose server names no time for that
 */
export function refreshDelay(
  ttl: number | undefined,
  isAuthoritative: boolean,
  { minRefreshMs, maxRefreshMs }: RefreshSettings,
  random: Random,
): number {
  const wanted = (ttl ?? defaultNegativeTtl) * 1000;
  const bounded = Math.min(Math.max(wanted, minRefreshMs), maxRefreshMs);
  return isAuthoritative || bounded !== wanted
    ? bounded * (1 - jitterRatio * random())
    : bounded + cacheSpreadMs * random();
}
