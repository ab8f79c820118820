import { rateBy, zeroUntil } from "./panel.ts";
import type { RowWriter } from "./panel.ts";

const service = "{{server_address}}";

/** The breakers of services and routes. */
export const circuits: RowWriter = (series, window) => ({
  title: "Circuits",
  panels: [
    {
      title: "Circuits that are not closed",
      description: "Processes whose circuit is in this state.",
      unit: "short",
      queries: [
        {
          expr: `sum ${series.by("proxyless_route", "proxyless_circuit_state")} (${series.of("proxyless_circuit_state", 'proxyless_circuit_state!="closed"')})`,
          legend: `${service} {{proxyless_route}} {{proxyless_circuit_state}}`,
        },
      ],
    },
    {
      title: "Changes of circuits",
      description: "By the state that they changed to.",
      unit: "ops",
      queries: [
        {
          expr: rateBy(
            series,
            window,
            "proxyless_circuit_transitions_total",
            "proxyless_route",
            "proxyless_circuit_state",
          ),
          legend: `${service} {{proxyless_route}} {{proxyless_circuit_state}}`,
        },
      ],
    },
  ],
});

/** Who may be called, and who is. */
export const endpoints: RowWriter = (series, window) => ({
  title: "Endpoints",
  panels: [
    {
      title: "Endpoints by state",
      description:
        "Open, or the first reason why they are not picked; as the process sees it that sees most of them.",
      unit: "short",
      isStacked: true,
      queries: [
        {
          expr: `max ${series.by("proxyless_endpoint_state")} (${series.of("proxyless_lb_endpoints")})`,
          legend: `${service} {{proxyless_endpoint_state}}`,
        },
      ],
    },
    {
      title: "Ejections",
      description: "By what found the endpoint; also those that were not enforced, and why.",
      unit: "ops",
      queries: [
        {
          expr: rateBy(
            series,
            window,
            "proxyless_lb_outlier_detection_ejections_enforced_total",
            "proxyless_detection_method",
          ),
          legend: `${service} {{proxyless_detection_method}}`,
        },
        {
          expr: rateBy(
            series,
            window,
            "proxyless_lb_outlier_detection_ejections_unenforced_total",
            "proxyless_detection_method",
            "proxyless_unenforced_reason",
          ),
          legend: `${service} {{proxyless_detection_method}}, not: {{proxyless_unenforced_reason}}`,
        },
      ],
    },
    {
      title: "No endpoints, panic",
      description:
        "Processes that know no open endpoint, those that pick closed ones because so few are open, and such picks.",
      unit: "short",
      queries: [
        {
          expr: `sum ${series.by()} (${series.of("proxyless_lb_no_endpoints")})`,
          legend: `${service} processes without endpoints`,
        },
        {
          expr: `sum ${series.by()} (${series.of("proxyless_lb_panic")})`,
          legend: `${service} processes in panic`,
        },
        { expr: rateBy(series, window, "proxyless_lb_panics_total"), legend: `${service} picks per second` },
      ],
    },
    {
      title: "How endpoints are chosen",
      description: "Picks of attempts that ended.",
      unit: "ops",
      isStacked: true,
      queries: [
        {
          expr: rateBy(series, window, "proxyless_lb_picks_total", "proxyless_pick"),
          legend: `${service} {{proxyless_pick}}`,
        },
      ],
    },
  ],
});

/** The pools. */
export const connections: RowWriter = (series) => ({
  title: "Connections",
  panels: [
    {
      title: "Open connections",
      description: "By whether a request is on them.",
      unit: "short",
      isStacked: true,
      queries: [
        {
          expr: `sum ${series.by("http_connection_state")} (${series.of("http_client_open_connections")})`,
          legend: `${service} {{http_connection_state}}`,
        },
      ],
    },
    {
      title: "Waiting for a connection",
      description: "Attempts.",
      unit: "short",
      queries: [
        { expr: `sum ${series.by()} (${series.of("proxyless_client_connection_queue")})`, legend: service },
      ],
    },
  ],
});

/** What the registry says. */
export const discovery: RowWriter = (series, window) => ({
  title: "Discovery",
  panels: [
    {
      title: "Trouble of the source",
      description: "For how long, in the process that has it longest.",
      unit: "s",
      queries: [
        {
          expr: `max ${series.by()} (${series.of("proxyless_discovery_trouble_seconds")})`,
          legend: `${service} in trouble`,
        },
      ],
    },
    {
      title: "Age of the list",
      description:
        "Time since the source last confirmed what it said; of lists that never change it only grows.",
      unit: "s",
      queries: [
        {
          expr: `max ${series.by()} (${series.of("proxyless_discovery_age_seconds")})`,
          legend: service,
        },
        {
          expr: `min ${series.by()} (${series.of("proxyless_discovery_last_change_seconds")})`,
          legend: `${service} since its last change`,
        },
      ],
    },
    {
      title: "Users of a watch",
      description: "Of all processes together; a process that calls nobody for a while ends its watch.",
      unit: "short",
      queries: [{ expr: `sum ${series.by()} (${series.of("proxyless_discovery_users")})`, legend: service }],
    },
    {
      title: "Updates and errors",
      description: "Changes of the list, troubles by their class, and what had to begin anew.",
      unit: "ops",
      queries: [
        { expr: rateBy(series, window, "proxyless_discovery_updates_total"), legend: `${service} updates` },
        {
          expr: rateBy(series, window, "proxyless_discovery_errors_total", "error_type"),
          legend: `${service} {{error_type}}`,
        },
        {
          expr: rateBy(series, window, "proxyless_discovery_resets_total", "proxyless_reason"),
          legend: `${service} {{proxyless_reason}}`,
        },
      ],
    },
    {
      title: "Held back and skipped",
      description: "Answers that would have taken too much away, and entries that made no sense.",
      unit: "ops",
      queries: [
        {
          expr: zeroUntil(series, rateBy(series, window, "proxyless_discovery_protected_total")),
          legend: `${service} held back`,
        },
        {
          expr: zeroUntil(series, rateBy(series, window, "proxyless_discovery_skipped_total")),
          legend: `${service} skipped`,
        },
      ],
    },
  ],
});
