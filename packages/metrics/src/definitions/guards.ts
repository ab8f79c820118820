import type { Definition } from "./definition.ts";

const service = "server.address";
const route = "proxyless.route";
const limit = "proxyless.limit";

/** What guards calls: budgets, circuits, limits. */
export class GuardInstruments {
  readonly budgetBalance: Definition = {
    name: "proxyless.retry.budget.balance",
    kind: "gauge",
    unit: "{retry}",
    description: "Retries and hedges that the budget can pay for.",
    attributes: [service],
  };
  readonly budgetExhausted: Definition = {
    name: "proxyless.retry.budget.exhausted",
    kind: "counter",
    unit: "{retry}",
    description: "Retries that the budget could not pay for.",
    attributes: [service],
  };
  readonly circuitState: Definition = {
    name: "proxyless.circuit.state",
    kind: "updowncounter",
    unit: "{circuit}",
    description: "1 for the state that the circuit is in, 0 for the others.",
    attributes: [service, route, "proxyless.circuit.state"],
  };
  readonly circuitTransitions: Definition = {
    name: "proxyless.circuit.transitions",
    kind: "counter",
    unit: "{transition}",
    description: "Changes of circuits, by the state that they changed to.",
    attributes: [service, route, "proxyless.circuit.state", "proxyless.enforced"],
  };
  readonly limitConcurrency: Definition = {
    name: "proxyless.limit.concurrency",
    kind: "gauge",
    unit: "{call}",
    description: "Calls that may be in flight at once.",
    attributes: [service, route, limit],
  };
  readonly limitActive: Definition = {
    name: "proxyless.limit.active",
    kind: "updowncounter",
    unit: "{call}",
    description: "Calls in flight, as the limit counts them.",
    attributes: [service, route, limit],
  };
  readonly limitQueue: Definition = {
    name: "proxyless.limit.queue",
    kind: "updowncounter",
    unit: "{call}",
    description: "Calls that wait until a limit lets them through.",
    attributes: [service, route, limit],
  };
  readonly limitTokens: Definition = {
    name: "proxyless.limit.tokens",
    kind: "gauge",
    unit: "{token}",
    description: "Tokens in the bucket of a rate limit that is not kept by key.",
    attributes: [service, route],
  };
  readonly throttleProbability: Definition = {
    name: "proxyless.limit.throttle.probability",
    kind: "gauge",
    unit: "1",
    description: "Share of the calls that adaptive throttling holds back, 0 to 1.",
    attributes: [service, route, "proxyless.criticality"],
    workers: "max",
  };
}
