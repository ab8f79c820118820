import type { AttemptResult } from "../endpoints/attempt-result.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { configError } from "../errors.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";
import type { BalancerKind } from "./kind.ts";
import { emptyPicker, nextUsable } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";
import { ProbePool, readLoad } from "./probe-pool.ts";
import type { PrequalSettings } from "./probe-pool.ts";

/**
 * Prequal (Wydrowski et al., NSDI '24): asks a few endpoints at each call how busy they are, without waiting for it, and chooses by
 * what was answered moments ago: of those that are not busier than most the fastest, else the least busy.
 */
export interface PrequalPolicy {
  readonly type: "prequal";
  /** Where endpoints tell their load at once: headers `x-prequal-rif` (requests in flight) and `x-prequal-latency-ms`, or JSON `{"rif":…,"latencyMs":…}`. */
  readonly probePath: string;
  /** Probes for each call, 0 to 10; 3 by default. */
  readonly probesPerCall?: number | undefined;
  /** Answers that are remembered, 2 to 256; 16 by default. */
  readonly poolSize?: number | undefined;
  /** Answers that are dropped for each call, the oldest and the worst in turn, 0 to 10; 1 by default. */
  readonly removalsPerCall?: number | undefined;
  /** Answers older than this are not used, 10 to 60,000 ms; 1,000 by default. */
  readonly maxAgeMs?: number | undefined;
  /** How long a probe may take, 1 to 60,000 ms; 100 by default. */
  readonly timeoutMs?: number | undefined;
  /** Endpoints above this quantile of requests in flight are busy, 0 to 1; 0.84 by default. */
  readonly rifQuantile?: number | undefined;
}

const numbers = {
  probesPerCall: [3, { min: 0, max: 10 }],
  poolSize: [16, { min: 2, max: 256, integer: true }],
  removalsPerCall: [1, { min: 0, max: 10 }],
  maxAgeMs: [1_000, { min: 10, max: 60_000 }],
  timeoutMs: [100, { min: 1, max: 60_000 }],
  rifQuantile: [0.84, { min: 0, max: 1 }],
} as const;

export const prequal: BalancerKind = {
  name: "prequal",
  keys: ["probePath", ...Object.keys(numbers)],
  create(given, path) {
    const { probePath } = given;
    if (typeof probePath !== "string" || !/^\/[!-~]*$/.test(probePath)) {
      throw configError(fieldPath(path, "probePath"), 'a path that begins with "/"', probePath);
    }
    const number = (key: keyof typeof numbers): number => {
      const [standard, rule] = numbers[key];
      return checkNumber(given[key], fieldPath(path, key), rule) ?? standard;
    };
    return balancer({
      probePath,
      probesPerCall: number("probesPerCall"),
      poolSize: number("poolSize"),
      removalsPerCall: number("removalsPerCall"),
      maxAgeMs: number("maxAgeMs"),
      timeoutMs: number("timeoutMs"),
      rifQuantile: number("rifQuantile"),
    });
  },
};

function balancer(settings: PrequalSettings): Balancer {
  return {
    name: "prequal",
    build(endpoints, deps, previous) {
      if (endpoints.length === 0) return emptyPicker;
      const pool = previous instanceof PrequalPicker ? previous.pool : new ProbePool(settings, deps.random);
      return new PrequalPicker(endpoints, deps, settings, pool);
    },
  };
}

/** So many probes may be on their way at once; a service that answers none must not be flooded with them. */
const MAX_IN_FLIGHT = 64;

class PrequalPicker implements Picker {
  readonly pool: ProbePool;
  readonly #endpoints: readonly EndpointState[];
  readonly #members: ReadonlySet<EndpointState>;
  readonly #deps: PickerDeps;
  readonly #settings: PrequalSettings;

  constructor(
    endpoints: readonly EndpointState[],
    deps: PickerDeps,
    settings: PrequalSettings,
    pool: ProbePool,
  ) {
    this.pool = pool;
    this.#endpoints = endpoints;
    this.#members = new Set(endpoints);
    this.#deps = deps;
    this.#settings = settings;
  }

  pick({ now, tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    const { random, table } = this.#deps;
    const known = this.pool.best(now, tried, this.#members);
    const endpoint =
      known ?? nextUsable(this.#endpoints, Math.floor(random() * this.#endpoints.length), tried, table);
    if (endpoint !== undefined) trace?.push({ endpoint, cost: 0 });
    this.#probe();
    return endpoint;
  }

  /** One that fails must not look idle for it: what it said of itself before counts no more. */
  settled(endpoint: EndpointState, { outcome }: AttemptResult): void {
    if (outcome === "failure" || outcome === "overload") this.pool.distrust(endpoint);
  }

  close(): void {
    this.pool.close();
  }

  #probe(): void {
    const { random, table } = this.#deps;
    const { probesPerCall } = this.#settings;
    const pool = this.pool;
    // Part of a probe is one with that chance.
    const count = Math.floor(probesPerCall + random());
    for (let i = 0; i < count && pool.inFlight < MAX_IN_FLIGHT; i++) {
      const endpoint = this.#endpoints[Math.floor(random() * this.#endpoints.length)]!;
      if (table.isClosed(endpoint.offset)) continue;
      void this.#ask(endpoint);
    }
  }

  async #ask(endpoint: EndpointState): Promise<void> {
    const { clock, probe } = this.#deps;
    const { probePath, timeoutMs } = this.#settings;
    const pool = this.pool;
    pool.inFlight++;
    try {
      const load = readLoad(await probe(endpoint, probePath, timeoutMs));
      if (load !== undefined && !endpoint.leaving) pool.add(endpoint, load, clock.now(), this.#members);
    } catch {
      // No answer is no news: the endpoint is chosen by chance as long as the others say nothing better.
    } finally {
      pool.inFlight--;
    }
  }
}
