import type { StateAlertName } from "@proxyless/monitoring";

import type { Samples } from "./rule-test.ts";

/** When an alert on how things stand fires, and when it just does not. A sample a minute. */
export interface StateStory {
  readonly alert: StateAlertName;
  readonly firing: Samples;
  /** Nearly as bad. */
  readonly quiet: Samples;
  /** A moment at which it fires, and one before at which it has not lasted long enough. */
  readonly at: string;
  readonly notYetAt: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
}

const orders = { server_address: "orders" };

function circuits(open: string, halfOpen: string): Samples {
  const of = (instance: string, state: string): string =>
    `proxyless_circuit_state{instance="${instance}",server_address="orders",proxyless_route="/pay",proxyless_circuit_state="${state}"}`;
  return { [of("a", "open")]: open, [of("a", "half_open")]: halfOpen, [of("b", "open")]: "0x20" };
}

function endpoints(counts: Readonly<Record<string, number>>): Samples {
  return Object.fromEntries(
    Object.entries(counts).map(([state, count]) => [
      `proxyless_lb_endpoints{instance="a",server_address="orders",proxyless_endpoint_state="${state}"}`,
      `${count}x20`,
    ]),
  );
}

function level(name: string, value: number, labels = ""): Samples {
  return { [`${name}{instance="a",server_address="orders"${labels}}`]: `${value}x20` };
}

/** Both counters rise every minute. */
function share(name: string, perMinute: number, labels = ""): Samples {
  return {
    [`${name}{instance="a",server_address="orders"${labels}}`]: `0+${perMinute}x20`,
    'proxyless_client_calls_total{instance="a",server_address="orders",proxyless_outcome="success"}':
      "0+100x20",
  };
}

function limit(active: number): Samples {
  return {
    ...level("proxyless_limit_active", active, ',proxyless_limit="bulkhead"'),
    ...level("proxyless_limit_concurrency", 100, ',proxyless_limit="bulkhead"'),
  };
}

export const stateStories: readonly StateStory[] = [
  {
    alert: "ProxylessCircuitOpen",
    // It is half-open in between, and lets a probe through.
    firing: circuits("0x4 1 0 1x20", "0x4 0 1 0x20"),
    quiet: circuits("0 1 0x20", "0x20"),
    at: "7m",
    notYetAt: "5m",
    labels: { ...orders, proxyless_route: "/pay", severity: "page" },
    summary: "The circuit of orders is open",
    description:
      "Too many calls to orders (route /pay) failed. Processes whose circuit is not closed: 1. It closes by itself when the service answers again: see what the service says, and circuit.opened in the log of the callers.",
  },
  {
    alert: "ProxylessNoEndpoints",
    firing: level("proxyless_lb_no_endpoints", 1),
    // What an SDK goes on telling of a service that has left.
    quiet: { ...level("proxyless_lb_no_endpoints", 0), ...endpoints({ open: 0 }) },
    at: "2m",
    notYetAt: "30s",
    labels: { ...orders, severity: "page" },
    summary: "orders has no endpoint that may be called",
    description:
      "No endpoint of orders is registered, or every one is ejected, unhealthy or draining. Processes that see it so: 1. proxyless_lb_endpoints by proxyless_endpoint_state says which: with no endpoint at all, see whether it is deployed and registered under this name; otherwise ask the registry or the health check.",
  },
  {
    alert: "ProxylessPanic",
    firing: level("proxyless_lb_panic", 1),
    quiet: level("proxyless_lb_panic", 0),
    at: "2m",
    notYetAt: "30s",
    labels: { ...orders, severity: "page" },
    summary: "Most endpoints of orders are closed",
    description:
      "So few endpoints of orders are open that closed ones are called as well. Processes that do so: 1. As a rule the service fails as a whole, and single instances are not the point: see what it answers.",
  },
  {
    alert: "ProxylessEndpointsEjected",
    firing: endpoints({ open: 6, ejected: 3, probing: 1 }),
    quiet: endpoints({ open: 6, ejected: 3, draining: 1 }),
    at: "6m",
    notYetAt: "4m",
    labels: { ...orders, severity: "ticket" },
    summary: "Many endpoints of orders are ejected",
    description:
      "40% of the endpoints of orders are ejected because of how they answer. The others carry their load: see whether they can. mesh.inspect() and endpoint.ejected in the log name the instances and the reasons.",
  },
  {
    alert: "ProxylessDiscoveryStale",
    firing: level("proxyless_discovery_trouble_seconds", 301),
    quiet: level("proxyless_discovery_trouble_seconds", 300),
    at: "1m",
    notYetAt: undefined,
    labels: { ...orders, severity: "ticket" },
    summary: "The list of endpoints of orders is stale",
    description:
      "For 5m 1s discovery could not be asked for orders; the last good list is in use. That is safe until instances move. proxyless_discovery_errors_total has the class of the error; auth does not mend itself.",
  },
  {
    alert: "ProxylessRetryBudgetExhausted",
    firing: share("proxyless_retry_budget_exhausted_total", 2),
    quiet: share("proxyless_retry_budget_exhausted_total", 1),
    at: "7m",
    notYetAt: "4m",
    labels: { ...orders, severity: "ticket" },
    summary: "Retries to orders are held back",
    description:
      "For 2% of the calls to orders the budget could not pay a retry: more fails than retries can mend. The cause is the failures: look at them, and leave the budget as it is.",
  },
  {
    alert: "ProxylessLimitSaturated",
    firing: limit(91),
    quiet: limit(90),
    at: "6m",
    notYetAt: "4m",
    labels: { ...orders, proxyless_limit: "bulkhead", severity: "ticket" },
    summary: "A limit of calls to orders is nearly reached",
    description:
      "91% of what bulkhead lets through to orders at once is in flight in a process. Either there is more to do, and the service is to be scaled, or each call takes longer than it did.",
  },
  {
    alert: "ProxylessCallsShed",
    firing: share("proxyless_client_call_shed_total", 6, ',proxyless_reason="queue_full"'),
    quiet: share("proxyless_client_call_shed_total", 5, ',proxyless_reason="queue_full"'),
    at: "7m",
    notYetAt: "4m",
    labels: { ...orders, severity: "page" },
    summary: "Calls to orders are refused by limits",
    description:
      "6% of the calls to orders are refused before they are sent. proxyless_reason says which limit: throttled is what the service asked for by refusing, the others are the caller's own.",
  },
  {
    alert: "ProxylessConnectionsQueued",
    firing: level("proxyless_client_connection_queue", 11),
    quiet: level("proxyless_client_connection_queue", 10),
    at: "6m",
    notYetAt: "4m",
    labels: { ...orders, severity: "ticket" },
    summary: "Attempts to orders wait for connections",
    description:
      "In one process 11 attempts to orders wait for a connection. The service has become slow or has too few endpoints; only then are there too few connections.",
  },
  {
    alert: "ProxylessEventLoopDelayed",
    firing: { 'nodejs_eventloop_delay_p99_seconds{job="shop",instance="a:9464"}': "0.2x20" },
    quiet: { 'nodejs_eventloop_delay_p99_seconds{job="shop",instance="a:9464"}': "0.1x20" },
    at: "6m",
    notYetAt: "4m",
    labels: { job: "shop", instance: "a:9464", severity: "ticket" },
    summary: "The event loop of a:9464 is late",
    description:
      "One in a hundred turns of the event loop of a:9464 is 200ms late: the process, not what it calls, is slow. Something computes without a pause, or the container has too little CPU: a profile (node --cpu-prof) shows it.",
  },
];
