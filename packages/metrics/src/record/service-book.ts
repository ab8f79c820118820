import type { Attributes } from "@opentelemetry/api";
import { endingAtService, errorTypeOfAttempt, errorTypeOfCall, knownMethod } from "@proxyless/core";
import type { CallEnding, MeshEventOf } from "@proxyless/core";

import { definitions } from "../definitions.ts";
import type { Definition } from "../definitions.ts";
import type { ResolvedMetrics } from "../options.ts";
import type { AllSeries } from "../series/all-series.ts";
import type { Counter } from "../series/counter.ts";
import type { Duration } from "../series/duration.ts";
import { endpointAttributes, withDefined } from "./attributes.ts";
import { Keyed } from "./keyed.ts";

type CallEvent = MeshEventOf<"call.completed">;
/** What is counted of a call. */
type CountedCall = CallEnding & Pick<CallEvent, "method" | "route" | "template" | "trace">;
type AttemptEvent = MeshEventOf<"attempt.completed">;

/** Where a call goes, and which calls go there. */
interface CallCell {
  readonly of: CountedCall;
  readonly duration: Duration;
  readonly count: Counter;
}

interface AttemptCell {
  readonly of: AttemptEvent;
  readonly duration: Duration;
  readonly count: Counter;
  readonly picks: Counter;
}

/**
 * The series of one service. Most calls of a service are like the one before them: for these a comparison of some fields takes the
 * place of every look-up.
 */
export class ServiceBook {
  /** The mesh did not know the service when it was last asked. */
  isGone = false;
  readonly #isShared: boolean;
  readonly #attributes: Attributes;
  readonly #series: AllSeries;
  readonly #templates: boolean;
  readonly #callDurations: Keyed<Duration>;
  readonly #attemptDurations: Keyed<Duration>;
  readonly #counters = new Map<Definition, Keyed<Counter>>();
  readonly #endpoints: Map<string, Keyed<Counter>> | undefined;
  #goneEndpoints = new Set<string>();
  #call: CallCell | undefined;
  #attempt: AttemptCell | undefined;

  /** @param service undefined for all those that there is no room for */
  constructor(
    service: string | undefined,
    series: AllSeries,
    options: Pick<ResolvedMetrics, "attributes" | "endpoints" | "templates">,
  ) {
    this.#isShared = service === undefined;
    this.#attributes = withDefined(options.attributes, { "server.address": service });
    this.#series = series;
    this.#templates = options.templates;
    this.#callDurations = new Keyed(series.callDuration, this.#isShared);
    this.#attemptDurations = new Keyed(series.attemptDuration, this.#isShared);
    this.#endpoints = options.endpoints ? new Map() : undefined;
  }

  call(event: CallEvent): void {
    // Who else may have answered it is counted by events of their own: these series say how the service does.
    const ending = endingAtService(event);
    if (ending === event) this.#count(event);
    else if (ending !== undefined) this.#count({ ...event, ...ending });
  }

  #count(event: CountedCall): void {
    let cell = this.#call;
    if (cell === undefined || !isSameCall(cell.of, event, this.#templates)) {
      cell = this.#call = this.#callCell(event);
    }
    cell.duration.record(event.durationMs / 1_000, event.trace);
    cell.count.value++;
  }

  attempt(event: AttemptEvent): void {
    let cell = this.#attempt;
    if (cell === undefined || !isSameAttempt(cell.of, event)) cell = this.#attempt = this.#attemptCell(event);
    cell.duration.record(event.durationMs / 1_000, event.trace);
    cell.count.value++;
    cell.picks.value++;
    if (event.hedge) {
      if (event.outcome === "success") this.add(definitions.hedgesWon);
    } else if (event.number > 1) this.add(definitions.retries);
    if (this.#endpoints !== undefined) this.#countEndpoint(this.#endpoints, event);
  }

  /** @param own attributes besides the service; those that are undefined are left out */
  add(definition: Definition, own: Attributes = {}, amount = 1): void {
    this.#counter(definition, Object.values(own).join(" "), own).value += amount;
  }

  /** Lets go of the series of endpoints that were not there this time nor the time before. */
  keepEndpoints(present: ReadonlySet<string>): void {
    if (this.#endpoints === undefined) return;
    const gone = new Set<string>();
    for (const [endpoint, counters] of this.#endpoints) {
      if (present.has(endpoint)) continue;
      if (this.#goneEndpoints.has(endpoint)) {
        counters.close();
        this.#endpoints.delete(endpoint);
      } else gone.add(endpoint);
    }
    this.#goneEndpoints = gone;
  }

  close(): void {
    this.#callDurations.close();
    this.#attemptDurations.close();
    for (const counters of this.#counters.values()) counters.close();
    for (const counters of this.#endpoints?.values() ?? []) counters.close();
  }

  #callCell(event: CountedCall): CallCell {
    const { flag, outcome, route, status } = event;
    const method = knownMethod(event.method);
    const template = this.#templates ? event.template : undefined;
    const error = errorTypeOfCall(event);
    const duration = this.#callDurations.find(`${method} ${status} ${error} ${route} ${template}`, () =>
      withDefined(this.#attributes, {
        "proxyless.route": route,
        "http.request.method": method,
        "url.template": template,
        "http.response.status_code": status,
        "error.type": error,
      }),
    );
    const own = { "proxyless.route": route, "proxyless.outcome": outcome, "proxyless.flag": flag };
    const count = this.#counter(definitions.calls, `${outcome} ${flag} ${route}`, own);
    return { of: event, duration, count };
  }

  #attemptCell(event: AttemptEvent): AttemptCell {
    const { outcome, pick, status } = event;
    const method = knownMethod(event.method);
    const error = errorTypeOfAttempt(event);
    const duration = this.#attemptDurations.find(`${method} ${status} ${error}`, () =>
      withDefined(this.#attributes, {
        "http.request.method": method,
        "http.response.status_code": status,
        "error.type": error,
      }),
    );
    const own = { "proxyless.outcome": outcome, "error.type": error };
    const count = this.#counter(definitions.attempts, `${outcome} ${error}`, own);
    const picks = this.#counter(definitions.picks, pick, { "proxyless.pick": pick });
    return { of: event, duration, count, picks };
  }

  #counter(definition: Definition, key: string, own: Attributes): Counter {
    let counters = this.#counters.get(definition);
    if (counters === undefined) {
      counters = new Keyed(this.#series.counter(definition), this.#isShared);
      this.#counters.set(definition, counters);
    }
    return counters.find(key, () => withDefined(this.#attributes, own));
  }

  #countEndpoint(endpoints: Map<string, Keyed<Counter>>, { endpoint, outcome }: AttemptEvent): void {
    const set = this.#series.counter(definitions.endpointAttempts);
    let counters = endpoints.get(endpoint);
    if (counters === undefined) {
      // Who gets no series need not be remembered either.
      if (this.#isShared || set.isFull) {
        set.overflow.value++;
        return;
      }
      counters = new Keyed(set, false);
      endpoints.set(endpoint, counters);
    }
    counters.find(outcome, () => ({
      ...this.#attributes,
      ...endpointAttributes(endpoint),
      "proxyless.outcome": outcome,
    })).value++;
  }
}

function isSameCall(one: CountedCall, other: CountedCall, templates: boolean): boolean {
  return (
    one.status === other.status &&
    one.method === other.method &&
    one.outcome === other.outcome &&
    one.flag === other.flag &&
    one.error === other.error &&
    one.route === other.route &&
    (!templates || one.template === other.template)
  );
}

function isSameAttempt(one: AttemptEvent, other: AttemptEvent): boolean {
  return (
    one.status === other.status &&
    one.method === other.method &&
    one.outcome === other.outcome &&
    one.reason === other.reason &&
    one.pick === other.pick
  );
}
