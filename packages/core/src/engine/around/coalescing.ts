import type { Clock } from "../../clock.ts";
import { currentContext } from "../../context/call-context.ts";
import { ProxylessError } from "../../errors.ts";
import type { EventHub } from "../../event-hub.ts";
import type { ResolvedCoalesce } from "../../policies/coalesce/coalesce-policy.ts";
import { RequestKeys } from "../../policies/request-key.ts";
import type { OuterCall } from "../outer-call.ts";
import type { CallRequest, ResponseSink } from "../request.ts";
import type { Layer, LayerScope, Send } from "./layer.ts";
import { SharedStream } from "./shared-stream.ts";
import { SharedWhole } from "./shared-whole.ts";
import { Waiter } from "./waiter.ts";

/** What coalescing of the calls of a service or route is made with. */
export interface CoalescingOptions extends LayerScope {
  readonly policy: ResolvedCoalesce;
  readonly clock: Clock;
  readonly events: EventHub;
}

/** An answer on its way that more callers can join. */
export interface Flight {
  /** @returns false when it is too late, or too many wait */
  join(waiter: Waiter): boolean;
}

/** What flights need of the layer. */
export interface FlightHost extends CoalescingOptions {
  readonly inner: Send;
  readonly keys: RequestKeys;
  /** No more callers join. */
  readonly land: (key: string, flight: Flight) => void;
  /** Sends a caller that waited for another flight again: it joins one that has begun since, or begins one. */
  readonly again: (waiter: Waiter) => void;
  /** Somebody gets what a call of `leader` brought. */
  readonly report: (
    waiter: Waiter,
    leader: OuterCall | undefined,
    status: number | undefined,
    error: unknown,
  ) => void;
}

/** Sends identical safe requests that are on their way at the same time once ("single flight"). */
export class Coalescing implements Layer {
  readonly #host: FlightHost;
  readonly #flights = new Map<string, Flight>();

  constructor(options: CoalescingOptions, inner: Send) {
    this.#host = {
      ...options,
      inner,
      keys: new RequestKeys(options.policy.headers),
      land: (key, flight) => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      },
      again: (waiter) => {
        waiter.goOn((request, sink) => {
          this.send(request, sink);
        });
      },
      report: (waiter, leader, status, error) => {
        waiter.request.outer?.coalesced(leader);
        report(options, waiter, status, error);
      },
    };
  }

  /** Answers on their way that can be joined. */
  get flights(): number {
    return this.#flights.size;
  }

  send(request: CallRequest, sink: ResponseSink): void {
    const { clock, inner, keys, policy } = this.#host;
    if (!isShareable(request)) {
      inner(request, sink);
      return;
    }
    const key = keys.of(request) + sink.mode + optionsOf(request);
    const flight = this.#flights.get(key);
    if (flight === undefined && this.#flights.size >= policy.maxFlights) {
      inner(request, sink);
      return;
    }
    const waiter = new Waiter(request, sink, this.#host, clock);
    if (flight !== undefined) {
      if (!flight.join(waiter)) inner(request, sink);
    } else if (sink.mode === "whole") {
      const shared = new SharedWhole(this.#host, key);
      this.#flights.set(key, shared);
      shared.start(waiter);
    } else {
      const shared = new SharedStream(this.#host, key);
      this.#flights.set(key, shared);
      shared.start(waiter, sink);
    }
  }
}

/** Only what is safe, has nothing to send, and does not ask for something about this very call. */
function isShareable({ body, endpoint, explain, idempotencyKey, method, signal }: CallRequest): boolean {
  return (
    (method === "GET" || method === "HEAD") &&
    body === null &&
    endpoint === undefined &&
    explain === undefined &&
    idempotencyKey === undefined &&
    signal?.aborted !== true
  );
}

/** What calls want of the mesh, so far as it may decide what they get: a call that is shed sooner must not stand for one that is not. */
function optionsOf({
  criticality = currentContext()?.criticality,
  hashKey,
  rateLimitKey,
  retry,
}: CallRequest): string {
  const wants = [hashKey, criticality, rateLimitKey, retry];
  return wants.every((one) => one === undefined) ? "" : JSON.stringify(wants);
}

function report(
  { clock, events, route, service }: CoalescingOptions,
  { request, startedAt }: Waiter,
  status: number | undefined,
  error: unknown,
): void {
  if (!events.wants("call.coalesced")) return;
  const fault = error instanceof ProxylessError ? error : undefined;
  events.emit({
    type: "call.coalesced",
    service,
    route,
    method: request.method,
    status,
    error: fault?.code,
    flag: fault?.flag,
    durationMs: clock.now() - startedAt,
    trace: request.outer?.ids,
  });
}
