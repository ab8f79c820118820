import { counted, failed } from "../outcomes.ts";
import { quantiles, rateBy, zeroUntil } from "./panel.ts";
import type { RowWriter } from "./panel.ts";

const calls = "proxyless_client_calls_total";
const service = "{{server_address}}";

/** Latency, traffic, errors and saturation of each service. */
export const goldenSignals: RowWriter = (series, window) => ({
  title: "Golden signals",
  panels: [
    {
      title: "Duration of calls",
      description: "With all their attempts and the waits between them.",
      unit: "s",
      queries: quantiles(series, window, "http_client_request_duration_seconds"),
    },
    {
      title: "Calls",
      description: "Calls that ended.",
      unit: "reqps",
      queries: [{ expr: rateBy(series, window, calls), legend: service }],
    },
    {
      title: "Errors",
      description: "Share of the calls that did not go well, those that were refused here included.",
      unit: "percentunit",
      queries: [
        {
          expr: `(${series.rate(window, calls, failed, counted)} or 0 * ${series.rate(window, calls, counted)}) / ${series.rate(window, calls, counted)}`,
          legend: service,
        },
      ],
    },
    {
      title: "Saturation",
      description: "Share of what limits let through at once that is in flight, in the fullest process.",
      unit: "percentunit",
      queries: [
        {
          expr: `max ${series.by("proxyless_limit")} (${series.of("proxyless_limit_active")} / ${series.of("proxyless_limit_concurrency")})`,
          legend: `${service} {{proxyless_limit}}`,
        },
      ],
    },
    {
      title: "Errors by reason",
      description: "Outcomes and reason flags of the calls that did not go well.",
      unit: "reqps",
      isStacked: true,
      queries: [
        {
          expr: `sum ${series.by("proxyless_outcome", "proxyless_flag")} (rate(${series.of(calls, failed)}[${window}]))`,
          legend: `${service} {{proxyless_outcome}} {{proxyless_flag}}`,
        },
      ],
    },
    {
      title: "In flight",
      description: "Calls and their attempts.",
      unit: "short",
      queries: [
        {
          expr: `sum ${series.by()} (${series.of("http_client_active_requests")})`,
          legend: `${service} calls`,
        },
        {
          expr: `sum ${series.by()} (${series.of("proxyless_client_attempt_active")})`,
          legend: `${service} attempts`,
        },
      ],
    },
  ],
});

/** What calls are made of. */
export const attempts: RowWriter = (series, window) => ({
  title: "Attempts, retries, hedges",
  panels: [
    {
      title: "Duration of attempts",
      description: "What the service itself takes.",
      unit: "s",
      queries: quantiles(series, window, "proxyless_client_attempt_duration_seconds"),
    },
    {
      title: "Attempts by outcome",
      description: "Attempts that ended.",
      unit: "reqps",
      isStacked: true,
      queries: [
        {
          expr: rateBy(series, window, "proxyless_client_attempts_total", "proxyless_outcome", "error_type"),
          legend: `${service} {{proxyless_outcome}} {{error_type}}`,
        },
      ],
    },
    {
      title: "Retries and hedges",
      description: "Attempts beyond the first, and retries that the budget could not pay.",
      unit: "reqps",
      queries: [
        { expr: rateBy(series, window, "proxyless_client_call_retries_total"), legend: `${service} retries` },
        { expr: rateBy(series, window, "proxyless_client_call_hedges_total"), legend: `${service} hedges` },
        {
          expr: rateBy(series, window, "proxyless_client_call_hedges_won_total"),
          legend: `${service} hedges that won`,
        },
        {
          expr: rateBy(series, window, "proxyless_retry_budget_exhausted_total"),
          legend: `${service} not paid`,
        },
      ],
    },
    {
      title: "Retry budget",
      description: "Retries and hedges that could be paid, in the poorest process.",
      unit: "short",
      queries: [
        { expr: `min ${series.by()} (${series.of("proxyless_retry_budget_balance")})`, legend: service },
      ],
    },
    {
      title: "Answered without the service",
      description: "From the cache, with the answer of an identical call, by a fallback.",
      unit: "reqps",
      queries: [
        {
          expr: rateBy(series, window, "proxyless_client_call_cached_total", "proxyless_cache_result"),
          legend: `${service} cache {{proxyless_cache_result}}`,
        },
        {
          expr: rateBy(series, window, "proxyless_client_call_coalesced_total"),
          legend: `${service} coalesced`,
        },
        {
          expr: rateBy(series, window, "proxyless_client_call_fallbacks_total", "proxyless_fallback"),
          legend: `${service} fallback {{proxyless_fallback}}`,
        },
      ],
    },
    {
      title: "Injected faults",
      description: "Faults on purpose, by their flag.",
      unit: "reqps",
      queries: [
        {
          expr: zeroUntil(series, rateBy(series, window, "proxyless_client_faults_total", "proxyless_flag")),
          legend: `${service} {{proxyless_flag}}`,
        },
      ],
    },
  ],
});
