import { configError } from "../../errors.ts";
import { fieldPath } from "../../option-checks.ts";
import { codeOf, isPlainObject, layPolicies } from "./layers.ts";
import type { LaidPolicy, PolicyLayer, PolicyOrigin } from "./layers.ts";
import { presetNames, presets, routePreset } from "./presets.ts";
import type { PresetName } from "./presets.ts";

type Given = Readonly<Record<string, unknown>>;

/** A service's policy made of layers, with its routes. */
export interface LaidService {
  /** What the resolver takes. */
  readonly given: Given;
  /** The service's own fields. */
  readonly service: LaidPolicy;
  /** Those of each route, without what it inherits. */
  readonly routes: readonly LaidPolicy[];
}

/**
 * Makes one policy of what was written in code and, where there is one, in a document that is in force: the preset lowest, then
 * the fields that were given. A list of routes replaces the one before; a route that both have keeps what only code can say.
 * @param code the policy as it was given in code
 * @param prefix path of the policy in error messages
 * @param swap a document's policy and its version
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a preset that does not exist
 */
export function layService(
  code: Given,
  prefix: string,
  swap?: { readonly version: string; readonly given: Given },
): LaidService {
  refuseNull(code, prefix);
  if (swap !== undefined) refuseNull(swap.given, prefix);
  const written: PolicyLayer[] = [{ origin: "service", given: code }];
  if (swap !== undefined) written.push({ origin: `swap:${swap.version}`, given: swap.given });
  const layers = withPreset(written, prefix);
  const service = layPolicies(
    layers.map(({ given, origin }) => ({ origin, given: without(given, ["preset", "routes"]) })),
    "service",
  );
  const lists = written.filter(({ given }) => given["routes"] !== undefined);
  const last = lists.at(-1);
  if (last === undefined) return { given: service.given, service, routes: [] };
  const list = last.given["routes"];
  // Whatever is wrong with it, the resolver says so.
  if (!Array.isArray(list)) return { given: { ...service.given, routes: list }, service, routes: [] };
  const before = lists.length > 1 ? lists[0]?.given["routes"] : undefined;
  const routes = list.map((entry: unknown, index) =>
    isPlainObject(entry)
      ? layRoute(
          entry,
          last.origin,
          Array.isArray(before) ? before : [],
          `${fieldPath(prefix, "routes")}[${index}]`,
        )
      : undefined,
  );
  const given = {
    ...service.given,
    routes: routes.map((route, index): unknown => route?.given ?? list[index]),
  };
  return { given, service, routes: routes.filter((route) => route !== undefined) };
}

/** Nothing is what is left out: `null` would pass for a default here and for a mistake there. Bodies of answers may hold it. */
function refuseNull(value: unknown, path: string): void {
  if (value === null) throw configError(path, "left out rather than null", value);
  if (Array.isArray(value))
    for (const [index, entry] of value.entries()) refuseNull(entry, `${path}[${index}]`);
  if (!isPlainObject(value)) return;
  for (const [key, own] of Object.entries(value)) if (key !== "json") refuseNull(own, fieldPath(path, key));
}

function layRoute(entry: Given, origin: PolicyOrigin, before: readonly unknown[], path: string): LaidPolicy {
  const name = presetOf(entry, path);
  const known = before.find((other) => isPlainObject(other) && isSameMatch(other["match"], entry["match"]));
  const code = isPlainObject(known) ? codeOf(known, "route") : {};
  const layers: PolicyLayer[] = [
    {
      origin: "route",
      given: without(
        code,
        Object.keys(code).filter((key) => key !== "balancer" && !isPlainObject(entry[key])),
      ),
    },
    ...(name === undefined ? [] : [presetLayer(name, "route")]),
    { origin: origin === "service" ? "route" : origin, given: without(entry, ["preset"]) },
  ];
  return layPolicies(layers, "route");
}

/** The preset that was named last lies right below who named it. */
function withPreset(layers: readonly PolicyLayer[], prefix: string): readonly PolicyLayer[] {
  const names = layers.map(({ given }) => presetOf(given, prefix));
  const last = names.findLastIndex((name) => name !== undefined);
  const name = names[last];
  return name === undefined ? layers : layers.toSpliced(last, 0, presetLayer(name, "service"));
}

function presetLayer(name: PresetName, kind: "service" | "route"): PolicyLayer {
  const given = kind === "service" ? presets[name] : routePreset(name);
  return { origin: `preset:${name}`, given: { ...given } };
}

function presetOf(given: Given, prefix: string): PresetName | undefined {
  const { preset } = given;
  if (preset === undefined) return undefined;
  const found = presetNames.find((name) => name === preset);
  if (found === undefined)
    throw configError(fieldPath(prefix, "preset"), `one of ${presetNames.join(", ")}`, preset);
  return found;
}

function isSameMatch(one: unknown, other: unknown): boolean {
  if (!isPlainObject(one) || !isPlainObject(other)) return false;
  return one["path"] === other["path"] && methodsOf(one["method"]) === methodsOf(other["method"]);
}

function methodsOf(method: unknown): string {
  const list: readonly unknown[] = Array.isArray(method) ? method : method === undefined ? [] : [method];
  return list
    .map((name) => String(name).toUpperCase())
    .toSorted()
    .join(" ");
}

function without(given: Given, keys: readonly string[]): Given {
  return Object.fromEntries(Object.entries(given).filter(([key]) => !keys.includes(key)));
}
