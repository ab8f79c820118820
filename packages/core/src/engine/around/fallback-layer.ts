import type { Clock } from "../../clock.ts";
import type { EventHub } from "../../event-hub.ts";
import type { ResolvedFallback, ResolvedStale } from "../../policies/fallback/fallback-policy.ts";
import { StaleAnswers } from "../../policies/fallback/stale-answers.ts";
import type { CallRequest, ResponseSink } from "../request.ts";
import { StreamFallback } from "./fallback-stream.ts";
import { WholeFallback } from "./fallback-whole.ts";
import type { Layer, LayerScope, Send } from "./layer.ts";
import { Rescue } from "./rescue.ts";

/** What the fallback of a service or route is made with. */
export interface FallbackLayerOptions extends LayerScope {
  readonly policy: ResolvedFallback;
  /** What an earlier policy has kept of the same calls. */
  readonly kept?: StaleAnswers | undefined;
  readonly clock: Clock;
  readonly events: EventHub;
  /** Calls another service, which does not fall back again: two that stand in for each other must not go round in circles. */
  readonly sendElsewhere: (service: string, request: CallRequest, sink: ResponseSink) => void;
}

/** What the fallback of one call needs of its layer. */
export interface FallbackHost extends FallbackLayerOptions {
  readonly stale: StaleAnswers | undefined;
}

/** Answers something else where a call fails for good. */
export class FallbackLayer implements Layer {
  readonly #host: FallbackHost;
  readonly #inner: Send;

  constructor(options: FallbackLayerOptions, inner: Send) {
    const { stale } = options.policy;
    this.#host = { ...options, stale: stale === undefined ? undefined : staleOf(stale, options.kept) };
    this.#inner = inner;
  }

  /** The last good answers, where they are kept. */
  get stale(): StaleAnswers | undefined {
    return this.#host.stale;
  }

  send(request: CallRequest, sink: ResponseSink): void {
    const rescue = new Rescue(this.#host, request, sink);
    const own =
      sink.mode === "whole"
        ? new WholeFallback(this.#host, request, sink, rescue)
        : new StreamFallback(this.#host, request, sink, rescue);
    this.#inner(request, own);
  }
}

/** What was kept under the same policy is kept on: an outage is when policies are changed. */
function staleOf(policy: ResolvedStale, kept: StaleAnswers | undefined): StaleAnswers {
  return kept?.isFor(policy) === true ? kept : new StaleAnswers(policy);
}
