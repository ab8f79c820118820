import type { Definition } from "./definition.ts";

const service = "server.address";
const error = "error.type";
const reason = "proxyless.reason";

/** What calls depend on: discovery and the event loop. */
export class SurroundingInstruments {
  readonly discoveryAge: Definition = {
    name: "proxyless.discovery.age",
    kind: "gauge",
    unit: "s",
    description: "Time since the source last confirmed what it said.",
    attributes: [service],
    workers: "max",
  };
  readonly discoveryTrouble: Definition = {
    name: "proxyless.discovery.trouble",
    kind: "gauge",
    unit: "s",
    description: "How long the source has been in trouble; 0 while it is well.",
    attributes: [service],
    workers: "max",
  };
  readonly discoveryLastChange: Definition = {
    name: "proxyless.discovery.last_change",
    kind: "gauge",
    unit: "s",
    description: "Time since the list of endpoints last changed.",
    attributes: [service],
    workers: "max",
  };
  readonly discoveryUsers: Definition = {
    name: "proxyless.discovery.users",
    kind: "updowncounter",
    unit: "{user}",
    description: "Users of a service, who share one watch of it.",
    attributes: [service],
  };
  readonly discoveryResets: Definition = {
    name: "proxyless.discovery.resets",
    kind: "counter",
    unit: "{reset}",
    description: "How often a watch had to begin anew, by reason.",
    attributes: [service, reason],
  };
  readonly discoveryUpdates: Definition = {
    name: "proxyless.discovery.updates",
    kind: "counter",
    unit: "{update}",
    description: "Changes of the list of endpoints.",
    attributes: [service],
  };
  readonly discoveryErrors: Definition = {
    name: "proxyless.discovery.errors",
    kind: "counter",
    unit: "{error}",
    description: "Troubles of the source, by their class.",
    attributes: [service, error],
  };
  readonly discoveryProtected: Definition = {
    name: "proxyless.discovery.protected",
    kind: "counter",
    unit: "{update}",
    description: "Answers that would have taken too much away and were held back.",
    attributes: [service, reason],
  };
  readonly discoverySkipped: Definition = {
    name: "proxyless.discovery.skipped",
    kind: "counter",
    unit: "{entry}",
    description: "Entries of the registry that made no sense.",
    attributes: [service, "proxyless.source"],
  };
  readonly eventLoopStalled: Definition = {
    name: "proxyless.event_loop.stalled",
    kind: "counter",
    unit: "s",
    description: "How long the event loop stood still while attempts were in flight.",
    attributes: [],
  };
  readonly eventLoopDelayMean: Definition = delay("mean", "Mean");
  readonly eventLoopDelayP50: Definition = delay("p50", "Median");
  readonly eventLoopDelayP90: Definition = delay("p90", "90th percentile");
  readonly eventLoopDelayP99: Definition = delay("p99", "99th percentile");
  readonly eventLoopDelayMax: Definition = delay("max", "Maximum");
}

function delay(statistic: string, words: string): Definition {
  return {
    name: `nodejs.eventloop.delay.${statistic}`,
    kind: "gauge",
    unit: "s",
    description: `${words} of the event loop's delay since the last collection.`,
    attributes: [],
    workers: "each",
  };
}
