import { rateBy } from "./panel.ts";
import type { RowWriter } from "./panel.ts";

const service = "{{server_address}}";
const limit = `${service} {{proxyless_limit}}`;

/** What may refuse calls. */
export const limits: RowWriter = (series, window) => ({
  title: "Limits",
  panels: [
    {
      title: "In flight and allowed",
      description: "Of all processes together.",
      unit: "short",
      queries: [
        {
          expr: `sum ${series.by("proxyless_limit")} (${series.of("proxyless_limit_concurrency")})`,
          legend: `${limit} allowed`,
        },
        {
          expr: `sum ${series.by("proxyless_limit")} (${series.of("proxyless_limit_active")})`,
          legend: `${limit} in flight`,
        },
      ],
    },
    {
      title: "Waiting and refused",
      description: "Calls in the queues of limits, and calls per second that were refused, by reason.",
      unit: "short",
      queries: [
        {
          expr: `sum ${series.by("proxyless_limit")} (${series.of("proxyless_limit_queue")})`,
          legend: `${limit} waiting`,
        },
        {
          expr: rateBy(series, window, "proxyless_client_call_shed_total", "proxyless_reason"),
          legend: `${service} {{proxyless_reason}}`,
        },
      ],
    },
    {
      title: "Adaptive throttling",
      description:
        "Share of the calls that are held back, by criticality, in the process that holds back most.",
      unit: "percentunit",
      queries: [
        {
          expr: `max ${series.by("proxyless_criticality")} (${series.of("proxyless_limit_throttle_probability_ratio")})`,
          legend: `${service} {{proxyless_criticality}}`,
        },
      ],
    },
    {
      title: "Tokens of rate limits",
      description: "In the process that has fewest.",
      unit: "short",
      queries: [{ expr: `min ${series.by()} (${series.of("proxyless_limit_tokens")})`, legend: service }],
    },
  ],
});

/** The event loop that all of it runs in. */
export const eventLoop: RowWriter = (series, window) => {
  const delay = (name: string): { expr: string; legend: string } => ({
    expr: `max ${series.byProcess()} (${series.ofProcess(`nodejs_eventloop_delay_${name}_seconds`)})`,
    legend: `{{instance}} ${name}`,
  });
  return {
    title: "Event loop",
    panels: [
      {
        title: "Delay of the event loop",
        description: "How late the loop was, since the last scrape.",
        unit: "s",
        queries: [delay("p50"), delay("p99"), delay("max")],
      },
      {
        title: "Stalled",
        description: "Share of the time in which the loop stood still while attempts were in flight.",
        unit: "percentunit",
        queries: [
          {
            expr: `sum ${series.byProcess()} (rate(${series.ofProcess("proxyless_event_loop_stalled_seconds_total")}[${window}]))`,
            legend: "{{instance}}",
          },
        ],
      },
    ],
  };
};
