import type { Definition } from "./definition.ts";

const service = "server.address";
const route = "proxyless.route";
const method = "http.request.method";
const template = "url.template";
const status = "http.response.status_code";
const error = "error.type";
const outcome = "proxyless.outcome";
const flag = "proxyless.flag";
const reason = "proxyless.reason";

/** What happens to calls and attempts. */
export class CallInstruments {
  readonly callDuration: Definition = {
    name: "http.client.request.duration",
    kind: "histogram",
    unit: "s",
    description: "Duration of calls, with all their attempts and the waits between them.",
    attributes: [service, route, method, template, status, error],
  };
  readonly attemptDuration: Definition = {
    name: "proxyless.client.attempt.duration",
    kind: "histogram",
    unit: "s",
    description: "Duration of single attempts of calls.",
    attributes: [service, method, status, error],
  };
  readonly calls: Definition = {
    name: "proxyless.client.calls",
    kind: "counter",
    unit: "{call}",
    description: "Calls that ended.",
    attributes: [service, route, outcome, flag],
  };
  readonly attempts: Definition = {
    name: "proxyless.client.attempts",
    kind: "counter",
    unit: "{attempt}",
    description: "Attempts that ended.",
    attributes: [service, outcome, error],
  };
  readonly activeCalls: Definition = {
    name: "http.client.active_requests",
    kind: "updowncounter",
    unit: "{request}",
    description: "Calls in flight.",
    attributes: [service],
  };
  readonly activeAttempts: Definition = {
    name: "proxyless.client.attempt.active",
    kind: "updowncounter",
    unit: "{attempt}",
    description: "Attempts in flight.",
    attributes: [service],
  };
  readonly retries: Definition = {
    name: "proxyless.client.call.retries",
    kind: "counter",
    unit: "{retry}",
    description: "Retries that were sent and ended.",
    attributes: [service],
  };
  readonly hedges: Definition = {
    name: "proxyless.client.call.hedges",
    kind: "counter",
    unit: "{hedge}",
    description: "Hedges that were sent.",
    attributes: [service],
  };
  readonly hedgesWon: Definition = {
    name: "proxyless.client.call.hedges_won",
    kind: "counter",
    unit: "{hedge}",
    description: "Hedges that succeeded before the attempt that they were to help.",
    attributes: [service],
  };
  readonly shed: Definition = {
    name: "proxyless.client.call.shed",
    kind: "counter",
    unit: "{call}",
    description: "Calls that a limit of this process refused.",
    attributes: [service, route, reason, "proxyless.criticality"],
  };
  readonly coalesced: Definition = {
    name: "proxyless.client.call.coalesced",
    kind: "counter",
    unit: "{call}",
    description: "Calls that got the answer of an identical one.",
    attributes: [service, route],
  };
  readonly cached: Definition = {
    name: "proxyless.client.call.cached",
    kind: "counter",
    unit: "{call}",
    description: "Calls that were answered from the cache.",
    attributes: [service, route, "proxyless.cache.result"],
  };
  readonly fallbacks: Definition = {
    name: "proxyless.client.call.fallbacks",
    kind: "counter",
    unit: "{call}",
    description: "Calls that failed and were answered by a fallback.",
    attributes: [service, route, "proxyless.fallback"],
  };
  readonly faults: Definition = {
    name: "proxyless.client.faults",
    kind: "counter",
    unit: "{fault}",
    description: "Faults that were injected on purpose.",
    attributes: [service, route, flag],
  };
}
