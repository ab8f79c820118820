import type { TimerHandle } from "../clock.ts";
import { criticalities, isCriticality } from "../context/criticality.ts";
import { configError } from "../errors.ts";
import { resolveCallRetry } from "../policies/resolve-policy.ts";
import type { Send } from "./around/layer.ts";
import { outerSink } from "./around/outer-sink.ts";
import { closedError } from "./call-errors.ts";
import { Call } from "./call.ts";
import { OuterCall } from "./outer-call.ts";
import type { EngineParts } from "./parts.ts";
import type { CallEngine, CallRequest, ResponseSink } from "./request.ts";
import type { Calls, RouteRules } from "./route-rules.ts";
import type { Upstream } from "./upstream.ts";

/** How often the mesh looks after what nobody asks for: ejections that end, connections and names that are not used. */
const SWEEP_MS = 1_000;

/** Runs calls. Knows the services that were used, the calls in flight, and the one timer of the whole mesh. */
export class Engine implements CallEngine {
  readonly #parts: EngineParts;
  readonly #open: (service: string) => Upstream;
  readonly #upstreams = new Map<string, Upstream>();
  #sweeper: TimerHandle | undefined;
  #closed: Promise<void> | undefined;

  /** @param open makes the upstream of a service on its first use */
  constructor(parts: EngineParts, open: (service: string) => Upstream) {
    this.#parts = parts;
    this.#open = open;
  }

  send(service: string, request: CallRequest, sink: ResponseSink): void {
    let upstream: Upstream;
    let rules: RouteRules;
    let call: Call | undefined;
    try {
      upstream = this.upstream(service);
      const { method, path, template } = request;
      rules = upstream.rulesFor(method, path, template);
      checkTimeout(request.timeoutMs);
      checkEndpoint(request.endpoint);
      checkCriticality(request.criticality);
      if (rules.around === undefined) call = this.#callOf(upstream, rules, request, sink);
    } catch (error) {
      sink.fail(error);
      return;
    }
    if (call !== undefined) call.start();
    else if (rules.around !== undefined) this.#sendAround(upstream, rules, rules.around.send, request, sink);
  }

  /** Who makes the calls of an upstream, once it is known what stands around them. */
  callsOf(upstream: Upstream): Calls {
    const make = (to: Upstream, rules: RouteRules, request: CallRequest, sink: ResponseSink): void => {
      let call: Call;
      try {
        call = this.#callOf(to, rules, request, sink);
      } catch (error) {
        sink.fail(error);
        return;
      }
      call.start();
    };
    return {
      call: (rules, request, sink) => {
        make(upstream, rules, request, sink);
      },
      // Without its fallback, so that two services cannot stand in for each other in turns.
      elsewhere: (service, request, sink) => {
        let other: Upstream;
        try {
          other = this.upstream(service);
        } catch (error) {
          sink.fail(error);
          return;
        }
        // A call of its own, below the one that it stands in for.
        const own = this.#below(request);
        const rules = other.rulesFor(own.method, own.path, own.template);
        if (rules.around === undefined) make(other, rules, own, sink);
        else this.#sendAround(other, rules, rules.around.sendPlain, own, sink);
      },
    };
  }

  /**
   * The upstream of a service, made on first use.
   * @throws ProxylessError `ERR_PROXYLESS_CLOSED` after the mesh was closed
   */
  upstream(service: string): Upstream {
    if (this.#closed !== undefined) {
      throw closedError(service);
    }
    let upstream = this.#upstreams.get(service);
    if (upstream === undefined) {
      upstream = this.#open(service);
      this.#upstreams.set(service, upstream);
      this.#sweeper ??= this.#parts.clock.setTimer(sweep, SWEEP_MS, this, true);
    }
    return upstream;
  }

  /** The upstream of a service that is in use. */
  find(service: string): Upstream | undefined {
    return this.#upstreams.get(service);
  }

  /** Whether a service is in use, so that its options cannot change any more. */
  has(service: string): boolean {
    return this.#upstreams.has(service);
  }

  /** How many names in use were only met in URLs. */
  get undeclared(): number {
    let count = 0;
    for (const upstream of this.#upstreams.values()) if (!upstream.declared) count++;
    return count;
  }

  get upstreams(): Iterable<Upstream> {
    return this.#upstreams.values();
  }

  /** Sends a call that layers stand around: to spans, hooks and listeners it is one from here to its answer, whoever gives it. */
  #sendAround(
    upstream: Upstream,
    rules: RouteRules,
    send: Send,
    request: CallRequest,
    sink: ResponseSink,
  ): void {
    const { clock, events, hooks, telemetry } = this.#parts;
    const context = request.parent ?? telemetry.context();
    const span = telemetry.callStarted(context, upstream, request);
    if (span === undefined && !hooks.any && !events.wants("call.completed")) {
      send(request, sink);
      return;
    }
    const outer = new OuterCall(this.#parts, upstream, rules, request, context, span);
    send(outer.inner, outerSink(outer, sink, clock));
  }

  /** The request of a call that stands in for another: below its span, and without what hooks set for that other service. */
  #below(request: CallRequest): CallRequest {
    const { outer } = request;
    if (outer === undefined) return request;
    const { context, request: asked, span } = outer;
    const parent = span === undefined ? context : this.#parts.telemetry.below(context, span);
    return { ...request, headers: asked.headers, outer: undefined, parent };
  }

  #callOf(upstream: Upstream, rules: RouteRules, request: CallRequest, sink: ResponseSink): Call {
    const retry =
      request.retry === undefined ? rules.retry : resolveCallRetry(request.retry, "retry", rules.retry);
    return new Call(this.#parts, upstream, request, sink, rules, retry);
  }

  /** @internal */
  sweep(): void {
    const now = this.#parts.clock.now();
    for (const [service, upstream] of this.#upstreams) {
      upstream.endpoints.tick(now);
      upstream.pools.evictIdle(now);
      if (!upstream.forgettable) continue;
      this.#upstreams.delete(service);
      void upstream.close();
    }
    this.#sweeper = this.#parts.clock.setTimer(sweep, SWEEP_MS, this, true);
  }

  /** Refuses new calls, waits up to `drainMs` for those in flight, then ends everything. */
  close(drainMs: number): Promise<void> {
    this.#closed ??= this.#shutDown(drainMs);
    return this.#closed;
  }

  async #shutDown(drainMs: number): Promise<void> {
    const { clock } = this.#parts;
    if (this.#sweeper !== undefined) clock.clearTimer(this.#sweeper);
    const upstreams = [...this.#upstreams.values()];
    await Promise.all(upstreams.map((upstream) => upstream.drained(drainMs)));
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  }
}

function sweep(engine: Engine): void {
  engine.sweep();
}

function checkTimeout(timeoutMs: unknown): void {
  if (timeoutMs === undefined) return;
  if (typeof timeoutMs !== "number" || !(timeoutMs >= 1 && timeoutMs <= 2_147_483_647)) {
    throw configError("timeoutMs", "a number from 1 to 2147483647", timeoutMs);
  }
}

function checkEndpoint(endpoint: unknown): void {
  if (endpoint === undefined || typeof endpoint === "string") return;
  if (Array.isArray(endpoint) && endpoint.every((address) => typeof address === "string")) return;
  throw configError("endpoint", "host:port, or an array of them", endpoint);
}

function checkCriticality(given: unknown): void {
  if (given === undefined || isCriticality(given)) return;
  throw configError("criticality", `one of ${criticalities.join(", ")}`, given);
}
