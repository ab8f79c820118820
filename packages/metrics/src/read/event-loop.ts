import { monitorEventLoopDelay } from "node:perf_hooks";

import type { Attributes } from "@opentelemetry/api";

import { definitions } from "../definitions.ts";
import type { Observe } from "./observations.ts";

/** How often the loop is looked at, in milliseconds: this is in what Node measures, and is no delay. */
const resolutionMs = 20;
const nanosecondsPerSecond = 1e9;

/** The delay of the event loop between two collections, by Node's own monitor; it keeps no process alive. */
export class EventLoopDelay {
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>;

  constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    this.#histogram.enable();
  }

  /** Tells what was measured since it was last told. */
  observe(attributes: Attributes, observe: Observe): void {
    const histogram = this.#histogram;
    // Nothing was measured yet: the loop has not turned since.
    if (histogram.count === 0) return;
    observe(definitions.eventLoopDelayMean, secondsOf(histogram.mean), attributes);
    observe(definitions.eventLoopDelayP50, secondsOf(histogram.percentile(50)), attributes);
    observe(definitions.eventLoopDelayP90, secondsOf(histogram.percentile(90)), attributes);
    observe(definitions.eventLoopDelayP99, secondsOf(histogram.percentile(99)), attributes);
    observe(definitions.eventLoopDelayMax, secondsOf(histogram.max), attributes);
    histogram.reset();
  }

  close(): void {
    this.#histogram.disable();
  }
}

function secondsOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds / nanosecondsPerSecond - resolutionMs / 1_000);
}
