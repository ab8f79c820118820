import type { Definition } from "./definition.ts";

const service = "server.address";
const detection = "proxyless.detection_method";

/** How endpoints are chosen, and the connections to them. */
export class BalancingInstruments {
  readonly picks: Definition = {
    name: "proxyless.lb.picks",
    kind: "counter",
    unit: "{pick}",
    description: "How the endpoints of attempts that ended were chosen.",
    attributes: [service, "proxyless.pick"],
  };
  readonly panics: Definition = {
    name: "proxyless.lb.panics",
    kind: "counter",
    unit: "{pick}",
    description: "Picks of an endpoint that should not be picked, because nothing better was found.",
    attributes: [service],
  };
  readonly isPanic: Definition = {
    name: "proxyless.lb.panic",
    kind: "updowncounter",
    unit: "{service}",
    description: "1 while so few endpoints are open that closed ones are picked as well.",
    attributes: [service],
  };
  readonly endpoints: Definition = {
    name: "proxyless.lb.endpoints",
    kind: "updowncounter",
    unit: "{endpoint}",
    description: "Endpoints, by whether they are picked and why not.",
    attributes: [service, "proxyless.endpoint.state"],
    workers: "max",
  };
  readonly noEndpoints: Definition = {
    name: "proxyless.lb.no_endpoints",
    kind: "updowncounter",
    unit: "{service}",
    description: "1 while there is no endpoint that may be called.",
    attributes: [service],
  };
  readonly subset: Definition = {
    name: "proxyless.lb.subset.size",
    kind: "updowncounter",
    unit: "{endpoint}",
    description: "Endpoints that calls of this process may go to.",
    attributes: [service],
    workers: "max",
  };
  readonly ejectionsEnforced: Definition = {
    name: "proxyless.lb.outlier_detection.ejections_enforced",
    kind: "counter",
    unit: "{ejection}",
    description: "Endpoints that were ejected, by what found them.",
    attributes: [service, detection],
  };
  readonly ejectionsUnenforced: Definition = {
    name: "proxyless.lb.outlier_detection.ejections_unenforced",
    kind: "counter",
    unit: "{ejection}",
    description: "Endpoints that would have been ejected, and were not.",
    attributes: [service, detection, "proxyless.unenforced_reason"],
  };
  readonly openConnections: Definition = {
    name: "http.client.open_connections",
    kind: "updowncounter",
    unit: "{connection}",
    description: "Connections that are open, by whether a request is on them.",
    attributes: [service, "http.connection.state"],
  };
  readonly connectionQueue: Definition = {
    name: "proxyless.client.connection.queue",
    kind: "updowncounter",
    unit: "{attempt}",
    description: "Attempts that wait for a connection.",
    attributes: [service],
  };
}
