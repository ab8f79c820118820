import type { StateAlertName } from "./state-alerts.ts";

/** The names of alerts on the error budget. */
export type BurnAlertName = "ProxylessErrorBudgetBurn" | "ProxylessLatencyBudgetBurn";

/** What to look at first: told with each alert, so that who is woken needs no page for it. */
export const firstSteps: Readonly<Record<BurnAlertName | StateAlertName, string>> = {
  ProxylessErrorBudgetBurn:
    "proxyless_client_calls_total by proxyless_flag says why: no flag is an answer of the service itself, UF and UC are connections, UT and DT time, UO, UH and RL refusals of the caller.",
  ProxylessLatencyBudgetBurn:
    "Compare calls with attempts: where attempts are quick, time goes into retries, queues or the calling process; where they are slow, look at the service.",
  ProxylessCircuitOpen:
    "It closes by itself when the service answers again: see what the service says, and circuit.opened in the log of the callers.",
  ProxylessNoEndpoints:
    "proxyless_lb_endpoints by proxyless_endpoint_state says which: with no endpoint at all, see whether it is deployed and registered under this name; otherwise ask the registry or the health check.",
  ProxylessPanic:
    "As a rule the service fails as a whole, and single instances are not the point: see what it answers.",
  ProxylessEndpointsEjected:
    "The others carry their load: see whether they can. mesh.inspect() and endpoint.ejected in the log name the instances and the reasons.",
  ProxylessDiscoveryStale:
    "That is safe until instances move. proxyless_discovery_errors_total has the class of the error; auth does not mend itself.",
  ProxylessRetryBudgetExhausted: "The cause is the failures: look at them, and leave the budget as it is.",
  ProxylessLimitSaturated:
    "Either there is more to do, and the service is to be scaled, or each call takes longer than it did.",
  ProxylessCallsShed:
    "proxyless_reason says which limit: throttled is what the service asked for by refusing, the others are the caller's own.",
  ProxylessConnectionsQueued:
    "The service has become slow or has too few endpoints; only then are there too few connections.",
  ProxylessEventLoopDelayed:
    "Something computes without a pause, or the container has too little CPU: a profile (node --cpu-prof) shows it.",
};
