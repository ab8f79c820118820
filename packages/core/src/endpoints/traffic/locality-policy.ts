import type { Locality } from "../../discovery/source.ts";
import { configError, show } from "../../errors.ts";
import { checkArray, checkNumber, checkObject, fieldPath } from "../../option-checks.ts";

/** How much endpoints near the caller are preferred. */
export type LocalityPolicy =
  | {
      /** Calls stay in the caller's zone as far as it can take them; the rest goes where there is room. */
      readonly mode: "zone-aware";
      /** Below so many endpoints zones are ignored; 0 to 1,000,000; 6 by default. */
      readonly minimumEndpoints?: number | undefined;
      /** The share of all callers of this service that run in each zone; equal shares by default. */
      readonly callers?: Readonly<Record<string, number>> | undefined;
    }
  | {
      /** Each zone has a share in proportion to its weight, as long as it is healthy enough. */
      readonly mode: "weighted";
      /** By zone, 0 to 1,000,000; a zone that is not listed has none. */
      readonly weights: Readonly<Record<string, number>>;
    }
  | {
      /** The nearest locality takes everything as long as it is healthy enough; then the next. */
      readonly mode: "failover";
      /** Regions or zones in the order of preference; by default the same zone, then the same region, then any. */
      readonly order?: readonly string[] | undefined;
    };

/** {@link LocalityPolicy} with every field known, and where the caller is. */
export type ResolvedLocality =
  | { readonly mode: "none" }
  | {
      readonly mode: "zone-aware";
      readonly zone: string;
      readonly minimumEndpoints: number;
      readonly callers: Readonly<Record<string, number>> | undefined;
      /** Nobody asked for it: balancers that keep keys to endpoints do without. */
      readonly isDefault?: boolean;
    }
  | { readonly mode: "weighted"; readonly weights: Readonly<Record<string, number>> }
  | { readonly mode: "failover"; readonly order: readonly string[] | undefined; readonly caller: Locality };

const none: ResolvedLocality = Object.freeze({ mode: "none" });

/**
 * @param input what the user wrote; `undefined` is zone-aware where the caller's zone is known, `false` is none
 * @param caller where this process runs
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveLocality(
  input: unknown,
  path: string,
  caller: Locality | undefined,
): ResolvedLocality {
  if (input === false) return none;
  const given = checkObject(input, path, ["mode", "minimumEndpoints", "callers", "weights", "order"], true);
  const mode = given["mode"] ?? "zone-aware";
  const keys = Object.keys(given).filter((key) => key !== "mode");
  const refuse = (legal: readonly string[]): void => {
    const alien = keys.find((key) => !legal.includes(key));
    if (alien === undefined) return;
    throw configError(fieldPath(path, alien), `left out in mode ${show(mode)}`, given[alien]);
  };
  if (mode === "zone-aware") {
    refuse(["minimumEndpoints", "callers"]);
    const range = { min: 0, max: 1_000_000, integer: true };
    const minimum = checkNumber(given["minimumEndpoints"], fieldPath(path, "minimumEndpoints"), range);
    const callers = shares(given["callers"], fieldPath(path, "callers"));
    if (caller?.zone === undefined) {
      if (input === undefined) return none;
      throw configError("locality.zone", `given where ${path} is zone-aware`, caller?.zone);
    }
    const isDefault = input === undefined;
    return Object.freeze({ mode, zone: caller.zone, minimumEndpoints: minimum ?? 6, callers, isDefault });
  }
  if (mode === "weighted") {
    refuse(["weights"]);
    const weights = shares(given["weights"], fieldPath(path, "weights"));
    if (weights === undefined) throw configError(fieldPath(path, "weights"), "weights by zone", weights);
    return Object.freeze({ mode, weights });
  }
  if (mode === "failover") {
    refuse(["order"]);
    const order = checkArray(given["order"], fieldPath(path, "order"), "regions or zones");
    const names = order?.map((name, index) => {
      if (typeof name === "string" && name !== "") return name;
      throw configError(`${fieldPath(path, "order")}[${index}]`, "the name of a region or zone", name);
    });
    return Object.freeze({ mode, order: names, caller: caller ?? {} });
  }
  throw configError(fieldPath(path, "mode"), '"zone-aware", "weighted" or "failover"', mode);
}

function shares(input: unknown, path: string): Readonly<Record<string, number>> | undefined {
  if (input === undefined) return undefined;
  const given = checkObject(input, path, Object.keys(Object(input)));
  const entries = Object.entries(given).map(([zone, value]) => {
    const share = checkNumber(value ?? NaN, `${path}.${zone}`, { min: 0, max: 1_000_000 });
    return [zone, share ?? 0] as const;
  });
  if (!entries.some(([, share]) => share > 0))
    throw configError(path, "above 0 for one zone at least", given);
  return Object.freeze(Object.fromEntries(entries));
}
