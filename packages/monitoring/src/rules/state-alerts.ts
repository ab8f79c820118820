import type { Series } from "../series.ts";

/** An alert on how things stand: fires while its value is above a threshold for some time. */
export interface StateAlert {
  readonly severity: "page" | "ticket";
  readonly threshold: number;
  /** The highest threshold that means anything. */
  readonly max: number;
  readonly for: string;
  /** @param window of rates */
  readonly value: (series: Series, window: string) => string;
  /** Both are templates of Prometheus. */
  readonly summary: string;
  readonly description: string;
}

const name = "{{ $labels.server_address }}";
const percent = "{{ $value | humanizePercentage }}";

/** The names of alerts on circuits, endpoints and discovery. */
type ReachabilityAlertName =
  | "ProxylessCircuitOpen"
  | "ProxylessNoEndpoints"
  | "ProxylessPanic"
  | "ProxylessEndpointsEjected"
  | "ProxylessDiscoveryStale";

/** The names of alerts on what is too much, for a service or for the process itself. */
type LoadAlertName =
  | "ProxylessRetryBudgetExhausted"
  | "ProxylessLimitSaturated"
  | "ProxylessCallsShed"
  | "ProxylessConnectionsQueued"
  | "ProxylessEventLoopDelayed";

/** The name of an alert on how things stand. */
export type StateAlertName = ReachabilityAlertName | LoadAlertName;

const reachability: Readonly<Record<ReachabilityAlertName, StateAlert>> = {
  ProxylessCircuitOpen: {
    severity: "page",
    threshold: 0,
    max: 1_000_000,
    for: "1m",
    // A circuit that is half-open has not closed: without it the alert would begin anew with every probe.
    value: (series) =>
      `sum ${series.by("proxyless_route")} (${series.of("proxyless_circuit_state", 'proxyless_circuit_state=~"open|half_open"')})`,
    summary: `The circuit of ${name} is open`,
    description: `Too many calls to ${name}{{ with $labels.proxyless_route }} (route {{ . }}){{ end }} failed. Processes whose circuit is not closed: {{ $value }}.`,
  },
  ProxylessNoEndpoints: {
    severity: "page",
    threshold: 0,
    max: 1_000_000,
    for: "1m",
    // Not endpoints that are 0: of a service that has left, an SDK of OpenTelemetry tells such a number for good.
    value: (series) => `sum ${series.by()} (${series.of("proxyless_lb_no_endpoints")})`,
    summary: `${name} has no endpoint that may be called`,
    description: `No endpoint of ${name} is registered, or every one is ejected, unhealthy or draining. Processes that see it so: {{ $value }}.`,
  },
  ProxylessPanic: {
    severity: "page",
    threshold: 0,
    max: 1_000_000,
    for: "1m",
    value: (series) => `sum ${series.by()} (${series.of("proxyless_lb_panic")})`,
    summary: `Most endpoints of ${name} are closed`,
    description: `So few endpoints of ${name} are open that closed ones are called as well. Processes that do so: {{ $value }}.`,
  },
  ProxylessEndpointsEjected: {
    severity: "ticket",
    threshold: 0.3,
    max: 1,
    for: "5m",
    value: (series) =>
      `sum ${series.by()} (${series.of("proxyless_lb_endpoints", 'proxyless_endpoint_state=~"ejected|probing"')}) / sum ${series.by()} (${series.of("proxyless_lb_endpoints")})`,
    summary: `Many endpoints of ${name} are ejected`,
    description: `${percent} of the endpoints of ${name} are ejected because of how they answer.`,
  },
  ProxylessDiscoveryStale: {
    severity: "ticket",
    threshold: 300,
    max: 604_800,
    for: "0s",
    value: (series) => `max ${series.by()} (${series.of("proxyless_discovery_trouble_seconds")})`,
    summary: `The list of endpoints of ${name} is stale`,
    description: `For {{ $value | humanizeDuration }} discovery could not be asked for ${name}; the last good list is in use.`,
  },
};

const load: Readonly<Record<LoadAlertName, StateAlert>> = {
  ProxylessRetryBudgetExhausted: {
    severity: "ticket",
    threshold: 0.01,
    max: 1,
    for: "5m",
    value: (series, window) =>
      `${series.rate(window, "proxyless_retry_budget_exhausted_total")} / ${series.rate(window, "proxyless_client_calls_total")}`,
    summary: `Retries to ${name} are held back`,
    description: `For ${percent} of the calls to ${name} the budget could not pay a retry: more fails than retries can mend.`,
  },
  ProxylessLimitSaturated: {
    severity: "ticket",
    threshold: 0.9,
    max: 1,
    for: "5m",
    value: (series) =>
      `max ${series.by("proxyless_limit")} (${series.of("proxyless_limit_active")} / ${series.of("proxyless_limit_concurrency")})`,
    summary: `A limit of calls to ${name} is nearly reached`,
    description: `${percent} of what {{ $labels.proxyless_limit }} lets through to ${name} at once is in flight in a process.`,
  },
  ProxylessCallsShed: {
    severity: "page",
    threshold: 0.05,
    max: 1,
    for: "5m",
    value: (series, window) =>
      `${series.rate(window, "proxyless_client_call_shed_total")} / ${series.rate(window, "proxyless_client_calls_total")}`,
    summary: `Calls to ${name} are refused by limits`,
    description: `${percent} of the calls to ${name} are refused before they are sent.`,
  },
  ProxylessConnectionsQueued: {
    severity: "ticket",
    threshold: 10,
    max: 1_000_000,
    for: "5m",
    value: (series) => `max ${series.by()} (${series.of("proxyless_client_connection_queue")})`,
    summary: `Attempts to ${name} wait for connections`,
    description: `In one process {{ $value }} attempts to ${name} wait for a connection.`,
  },
  ProxylessEventLoopDelayed: {
    severity: "ticket",
    threshold: 0.1,
    max: 60,
    for: "5m",
    value: (series) =>
      `max ${series.byProcess()} (${series.ofProcess("nodejs_eventloop_delay_p99_seconds")})`,
    summary: "The event loop of {{ $labels.instance }} is late",
    description:
      "One in a hundred turns of the event loop of {{ $labels.instance }} is {{ $value | humanizeDuration }} late: the process, not what it calls, is slow.",
  },
};

/** Every alert on how things stand. */
export const stateAlerts: Readonly<Record<StateAlertName, StateAlert>> = { ...reachability, ...load };

/** Their names, in the order of the rules. */
export const stateAlertNames: readonly StateAlertName[] = Object.keys(stateAlerts).filter(isName);

function isName(key: string): key is StateAlertName {
  return Object.hasOwn(stateAlerts, key);
}
