import type { Json, MeshReadings, MeshView, PolicyValues, ServiceView } from "@proxyless/core";

/** A circuit of one process, and what is in force for the calls that pass it. JSON. */
export interface CommandCircuit {
  readonly mode: string;
  readonly state: string;
  /** 0 where there is no such rule, as with the other numbers. */
  readonly minCalls: number;
  readonly openMs: number;
  readonly failureRatio: number;
  readonly totalMs: number;
  readonly maxConcurrent: number;
  readonly isCached: boolean;
}

/** What Hystrix knows as a command: a circuit, in one process or in several. JSON. */
export interface Command {
  readonly name: string;
  readonly service: string;
  /** None for the circuit of the service. */
  readonly route?: string | undefined;
  /** Calls in flight; of a route they are not known. */
  readonly inFlight: number;
  /** One for each process that has it. */
  readonly circuits: readonly CommandCircuit[];
}

/**
 * The circuits of a mesh. A service that has none is left out, as a call without a command is in Hystrix.
 * @param view of a while ago: the rules in force
 */
export function commandsOf({ services }: MeshReadings, view: MeshView | undefined): readonly Command[] {
  return services.flatMap(({ calls, circuits, service }) => {
    const rules = view?.services.find((each) => each.service === service);
    return circuits.map(({ mode, route, state }, index): Command => {
      const isSecond = circuits.findIndex((each) => each.route === route) !== index;
      return {
        name: `${service}${route === undefined ? "" : ` ${route}`}${isSecond ? ` #${index + 1}` : ""}`,
        service,
        route,
        inFlight: route === undefined ? calls : 0,
        circuits: [{ mode, state, ...settingsOf(policyOf(rules, route)) }],
      };
    });
  });
}

function settingsOf(policy: PolicyValues): Omit<CommandCircuit, "mode" | "state"> {
  const rules = policyGroup(policy, "circuit");
  return {
    minCalls: numberOf(rules, "minCalls") ?? 0,
    openMs: numberOf(rules, "openMs") ?? 0,
    failureRatio: numberOf(rules, "failureRatio") ?? 1,
    totalMs: numberOf(policyGroup(policy, "timeout"), "totalMs") ?? 0,
    maxConcurrent: numberOf(policyGroup(policy, "bulkhead"), "maxConcurrent") ?? 0,
    isCached: policy["cache"] !== undefined && policy["cache"] !== false,
  };
}

/** The values in force for a route of a service, or for the service itself. */
function policyOf(service: ServiceView | undefined, route: string | undefined): PolicyValues {
  const policy = service?.policy;
  const part = policy?.routes.find(({ match }) => match.path === route) ?? policy;
  return part?.values ?? {};
}

function policyGroup(values: PolicyValues, key: string): PolicyValues {
  const group = values[key];
  return isGroup(group) ? group : {};
}

function isGroup(value: Json | undefined): value is PolicyValues {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOf(values: PolicyValues, key: string): number | undefined {
  const value = values[key];
  return typeof value === "number" ? Math.round(value * 1000) / 1000 : undefined;
}
