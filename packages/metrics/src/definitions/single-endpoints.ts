import type { Definition } from "./definition.ts";

const service = "server.address";
const outcome = "proxyless.outcome";
const address = "network.peer.address";
const port = "network.peer.port";

/** Single endpoints. */
export class EndpointInstruments {
  readonly endpointAttempts: Definition = {
    name: "proxyless.endpoint.attempts",
    kind: "counter",
    unit: "{attempt}",
    description: "Attempts that ended, by endpoint.",
    attributes: [service, address, port, outcome],
    isPerEndpoint: true,
  };
  readonly endpointActive: Definition = {
    name: "proxyless.endpoint.active",
    kind: "updowncounter",
    unit: "{attempt}",
    description: "Attempts in flight, by endpoint.",
    attributes: [service, address, port],
    isPerEndpoint: true,
  };
  readonly endpointLatency: Definition = {
    name: "proxyless.endpoint.latency",
    kind: "gauge",
    unit: "s",
    description: "Moving average of successful attempts, by endpoint.",
    attributes: [service, address, port],
    workers: "max",
    isPerEndpoint: true,
  };
  readonly endpointConnections: Definition = {
    name: "proxyless.endpoint.open_connections",
    kind: "updowncounter",
    unit: "{connection}",
    description: "Connections that are open, by endpoint.",
    attributes: [service, address, port],
    isPerEndpoint: true,
  };
  readonly endpointState: Definition = {
    name: "proxyless.endpoint.state",
    kind: "updowncounter",
    unit: "{endpoint}",
    description: "1 for what the endpoint is: picked, or why not.",
    attributes: [service, address, port, "proxyless.endpoint.state"],
    isPerEndpoint: true,
  };
}
