import type { Attributes } from "@opentelemetry/api";
import type { ServiceReading } from "@proxyless/core";

import { definitions } from "../definitions.ts";
import { withDefined } from "../record/attributes.ts";
import type { Observe } from "./observations.ts";

/** The limits of a service and of its routes. */
export function observeLimits(limits: ServiceReading["limits"], service: Attributes, observe: Observe): void {
  for (const { adaptiveConcurrency, adaptiveThrottling, bulkhead, rateLimit, route } of limits) {
    const of = (own: Attributes): Attributes => withDefined(service, { "proxyless.route": route, ...own });
    if (bulkhead !== undefined) {
      const attributes = of({ "proxyless.limit": "bulkhead" });
      observe(definitions.limitConcurrency, bulkhead.maxConcurrent, attributes);
      observe(definitions.limitActive, bulkhead.inFlight, attributes);
      observe(definitions.limitQueue, bulkhead.queued, attributes);
    }
    if (adaptiveConcurrency !== undefined) {
      const attributes = of({ "proxyless.limit": "adaptive_concurrency" });
      observe(definitions.limitConcurrency, adaptiveConcurrency.limit, attributes);
      observe(definitions.limitActive, adaptiveConcurrency.inFlight, attributes);
      observe(definitions.limitQueue, adaptiveConcurrency.queued, attributes);
    }
    if (rateLimit !== undefined) {
      observe(definitions.limitQueue, rateLimit.queued, of({ "proxyless.limit": "rate_limit" }));
      if (rateLimit.tokens !== undefined) observe(definitions.limitTokens, rateLimit.tokens, of({}));
    }
    for (const [criticality, { rejection }] of Object.entries(adaptiveThrottling?.levels ?? {})) {
      observe(definitions.throttleProbability, rejection, of({ "proxyless.criticality": criticality }));
    }
  }
}
