import type { Series } from "../series.ts";
import type { RecordingRule } from "./rule.ts";

const calls = "proxyless_client_calls_total";

/** What says how much work there is: for boards, and for what decides how many instances of a service there shall be. */
export function signalRecordings(series: Series, window: string): readonly RecordingRule[] {
  const by = series.by();
  const endpoints = `max ${by} (sum without (proxyless_endpoint_state) (${series.of("proxyless_lb_endpoints")}))`;
  const buckets = series.of("http_client_request_duration_seconds_bucket");
  // Calls that wait, by the rate at which they come, is how long each of them waits (Little's law).
  const waiting = `sum ${by} (avg_over_time(${series.of("proxyless_limit_queue")}[${window}]))`;
  return [
    { record: "service:proxyless_calls:rate", expr: series.rate(window, calls) },
    {
      record: "service:proxyless_call_duration_seconds:p99",
      expr: `histogram_quantile(0.99, sum ${series.by("le")} (rate(${buckets}[${window}])))`,
    },
    {
      record: "service:proxyless_attempts_in_flight:per_endpoint",
      expr: `sum ${by} (${series.of("proxyless_client_attempt_active")}) / (${endpoints} > 0)`,
    },
    {
      record: "service:proxyless_limit_utilisation:ratio",
      expr: `sum ${by} (${series.of("proxyless_limit_active")}) / sum ${by} (${series.of("proxyless_limit_concurrency")})`,
    },
    {
      record: "service:proxyless_queue_time_seconds:avg",
      expr: `${waiting} / (${series.rate(window, calls)} > 0)`,
    },
  ];
}
