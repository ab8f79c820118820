import type { CallRequest, ResponseSink } from "../request.ts";

/** Sends a request on its way. Never throws: trouble arrives at the sink, possibly before it returns. */
export type Send = (request: CallRequest, sink: ResponseSink) => void;

/**
 * Something around the calls of a service or route: it passes a request on, with a sink of its own where it cares for the
 * answer, or answers by itself.
 */
export interface Layer {
  /** As {@link Send}. */
  send(request: CallRequest, sink: ResponseSink): void;
}

/** What layers are told of the calls they are for. */
export interface LayerScope {
  readonly service: string;
  /** The route's path, or undefined for the service's own rules. */
  readonly route: string | undefined;
  /** The time a call has in all where its request says nothing, in milliseconds. */
  readonly totalMs: number;
}
