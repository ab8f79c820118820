import type { Entries, TypesOf } from "./entry.ts";
import { count, numberless, time } from "./words.ts";

/** Of endpoints, and of those who choose among them. Lists of ten thousand come in one `discovery.updated`, not in lines of each. */
export const endpointEntries: Entries<TypesOf<"endpoint"> | TypesOf<"balancer">> = {
  "balancer.panicked": {
    level: "error",
    same: () => "",
    say: ({ endpoints, healthy, service }) =>
      `${healthy} of ${count(endpoints, "endpoint")} of ${service} are healthy: too few, so that health is ignored`,
  },
  "endpoint.added": {
    level: "debug",
    same: () => "",
    say: ({ endpoint, service }) => `endpoint ${endpoint} of ${service} came`,
  },
  "endpoint.updated": {
    level: "debug",
    same: () => "",
    say: ({ endpoint, service }) => `endpoint ${endpoint} of ${service} changed`,
  },
  "endpoint.removed": {
    level: "debug",
    same: () => "",
    say: ({ endpoint, inFlight, service }) =>
      `endpoint ${endpoint} of ${service} left with ${count(inFlight, "attempt")} in flight`,
  },
  "endpoint.drained": {
    level: "debug",
    same: () => "",
    say: ({ endpoint, service }) => `endpoint ${endpoint} of ${service} is drained`,
  },
  "endpoint.ejected": {
    level: "warn",
    same: ({ detector, reason }) => `${detector} ${numberless(reason)}`,
    say: ({ ejectionMs, ejections, endpoint, reason, service }) => {
      const again = ejections > 1 ? ` (${ejections} times in a row)` : "";
      return `endpoint ${endpoint} of ${service} ejected for ${time(ejectionMs)}: ${reason}${again}`;
    },
  },
  "endpoint.ejection_skipped": {
    level: "info",
    same: ({ detector, reason, why }) => `${why} ${detector} ${numberless(reason)}`,
    say: ({ endpoint, reason, service, why }) =>
      `endpoint ${endpoint} of ${service} was not ejected (${why}), in spite of ${reason}`,
  },
  "endpoint.returned": {
    level: "info",
    same: ({ how }) => how,
    say: ({ endpoint, how, service }) => `endpoint ${endpoint} of ${service} is back (${how})`,
  },
  "endpoint.health_changed": {
    level: ({ health }) => (health === "healthy" ? "info" : "warn"),
    same: ({ detail, health }) => `${health} ${numberless(detail)}`,
    say: ({ detail, endpoint, health, service }) =>
      `endpoint ${endpoint} of ${service} is ${health} by its health checks${detail === "" ? "" : `: ${detail}`}`,
  },
};
