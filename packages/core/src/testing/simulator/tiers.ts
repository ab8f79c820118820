import { configError } from "../../errors.ts";
import type { Scenario, ServerModel } from "./scenario.ts";

/** Servers that are called by the same name. */
export interface Tier {
  readonly service: string;
  readonly models: readonly ServerModel[];
}

/**
 * The tiers of a scenario, the one that its clients call first.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a tier without servers, or two servers of the same id
 */
export function tiersOf({ servers }: Scenario): readonly Tier[] {
  const names = new Map([[servers, "simulated"]]);
  // Those that are found on the way are visited as well.
  for (const [models] of names) {
    for (const { calls } of models) {
      if (calls !== undefined && !names.has(calls)) names.set(calls, `simulated-${names.size + 1}`);
    }
  }
  const ids = new Set<string>();
  for (const [models, name] of names) {
    const before = ids.size;
    for (const { id } of models) ids.add(id);
    if (models.length > 0 && ids.size === before + models.length) continue;
    const field = name === "simulated" ? "scenario.servers" : "scenario.servers[].calls";
    throw configError(field, "servers, each with an id of its own", models.length);
  }
  return [...names].map(([models, service]) => ({ service, models }));
}
