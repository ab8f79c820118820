import type { Attributes } from "@opentelemetry/api";
import type { Clock } from "@proxyless/core";

import type { Series } from "./series-set.ts";

/** A number that only grows. */
export class Counter implements Series {
  readonly attributes: Attributes;
  readonly startedAt: number;
  value = 0;

  constructor(attributes: Attributes, clock: Clock) {
    this.attributes = attributes;
    this.startedAt = clock.wallNow();
  }
}
