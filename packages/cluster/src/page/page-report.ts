import type {
  CallItem,
  CallKind,
  Command,
  LatencyParts,
  NewsItem,
  PageState,
} from "@proxyless/dashboard/feed";

import { amount, object, oneOf, optional, list, number, table, text, truth } from "./shape.ts";
import type { Shape } from "./shape.ts";

/** What a worker counted of a route since it was last asked; without a name of the calls that are of no route. */
interface CountedRoute {
  readonly route?: string | undefined;
  readonly counts: Partial<Record<CallKind, number>>;
  readonly latencies: LatencyParts;
}

/** What a worker counted of a service since it was last asked. */
export interface CountedService {
  readonly routes: readonly CountedRoute[];
  /** Attempts that the shares of its endpoints are of. */
  readonly attempts: number;
}

/** What a worker tells of itself for the page: JSON. */
export interface PageReport {
  readonly version: 1;
  readonly state: PageState;
  readonly counted: Readonly<Record<string, CountedService>>;
  readonly commands: readonly Command[];
  /** New since it was last asked. */
  readonly news: readonly NewsItem[];
  readonly calls: readonly CallItem[];
}

const nullable =
  (shape: Shape): Shape =>
  (value) =>
    value === null || shape(value);

const reason = object({ kind: text, text, endsInMs: optional(number) });
const endpoint = object({
  about: object({
    address: text,
    health: text,
    zone: optional(text),
    version: optional(text),
    weight: number,
    priority: number,
  }),
  gate: list(reason),
  figures: (value) =>
    list(nullable(number))(value) && Array.isArray(value) && value.length === 6 && isFigures(value),
});
const circuit = object({
  route: optional(text),
  mode: text,
  state: text,
  calls: amount,
  failures: amount,
  slow: amount,
  failureRatio: number,
  refused: amount,
  openForMs: number,
});
const limits = object({
  route: optional(text),
  rateLimit: optional(
    object({ tokensPerSecond: number, tokens: optional(number), keys: amount, queued: amount }),
  ),
  adaptiveThrottling: optional(object({ levels: table(object({ rejection: number })) })),
  adaptiveConcurrency: optional(
    object({ algorithm: text, limit: number, inFlight: amount, queued: amount, pressure: number }),
  ),
  bulkhead: optional(object({ maxConcurrent: number, inFlight: amount, queued: amount })),
});
const service = object({
  status: text,
  stale: truth,
  source: optional(text),
  from: optional(text),
  trouble: optional(text),
  calls: amount,
  balancer: text,
  panic: truth,
  ejected: amount,
  panics: amount,
  groups: list(object({ share: number, endpoints: amount })),
  circuits: list(circuit),
  budget: number,
  limits: list(limits),
  hedging: list(
    object({
      route: optional(text),
      delayMs: optional(number),
      hedges: amount,
      late: amount,
      isServiceSlow: truth,
    }),
  ),
  policyVersion: optional(text),
  endpoints: table(endpoint),
});
const newsItem = object({
  id: amount,
  at: number,
  type: text,
  service: text,
  text,
  tone: oneOf("bad", "good", "plain"),
  count: amount,
});
const candidate = object({
  address: text,
  cost: optional(number),
  pending: number,
  latencyMs: optional(number),
});
const callItem = object({
  id: amount,
  at: number,
  service: text,
  route: optional(text),
  method: text,
  outcome: text,
  status: optional(number),
  error: optional(text),
  flag: optional(text),
  attempts: amount,
  durationMs: number,
  pick: optional(text),
  endpoint: optional(text),
  choice: object({
    balancer: text,
    panic: truth,
    chosen: optional(candidate),
    closedFor: optional(text),
    others: list(candidate),
    othersOpen: amount,
    closed: list(object({ address: text, reasons: text })),
    closedInAll: amount,
  }),
});
const commandCircuit = object({
  mode: text,
  state: text,
  minCalls: amount,
  openMs: amount,
  failureRatio: amount,
  totalMs: amount,
  maxConcurrent: amount,
  isCached: truth,
});
const command = object({
  name: text,
  service: text,
  route: optional(text),
  inFlight: amount,
  // A worker speaks of its own alone.
  circuits: (value) => list(commandCircuit)(value) && Array.isArray(value) && value.length === 1,
});
const report = object({
  version: (value) => value === 1,
  state: object({
    services: table(service),
    registrations: list(object({ service: text, registry: text, state: text })),
  }),
  counted: table(
    object({
      routes: list(
        object({
          route: optional(text),
          counts: table(amount),
          latencies: object({ sumMs: amount, buckets: list(amount) }),
        }),
      ),
      attempts: amount,
    }),
  ),
  commands: list(command),
  news: list(newsItem),
  calls: list(callItem),
});

/** Whether another process said what {@link PageReport} is, and nothing in it is out of bounds. */
export function isPageReport(value: unknown): value is PageReport {
  return report(value);
}

/** Latency and cost may be missing, nothing else. */
function isFigures(values: readonly unknown[]): boolean {
  return values.every((value, i) => value !== null || i === 2 || i === 5);
}
