import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { healedSuccess } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import type { ProbeAnswer } from "./picker.ts";

/** The options of prequal, with every field known. */
export interface PrequalSettings {
  readonly probePath: string;
  readonly probesPerCall: number;
  readonly poolSize: number;
  readonly removalsPerCall: number;
  readonly maxAgeMs: number;
  readonly timeoutMs: number;
  readonly rifQuantile: number;
}

/** What an endpoint said of its load. */
export interface ProbedLoad {
  /** Requests in flight. */
  readonly rif: number;
  readonly latencyMs: number;
}

interface Entry {
  readonly endpoint: EndpointState;
  readonly at: number;
  rif: number;
  readonly latencyMs: number;
  /** How often it may still be used. */
  uses: number;
}

/** Below this success ratio an endpoint is passed over: errors are quick, and a broken endpoint is an idle one. */
const LEAST_SUCCESS = 0.8;

/**
 * The answers to probes that choices are made by. One serves all parts of a service's traffic, each with its own endpoints as
 * `members`: endpoints go from part to part, and what they said goes with them.
 */
export class ProbePool {
  inFlight = 0;
  readonly #settings: PrequalSettings;
  readonly #random: Random;
  readonly #entries: Entry[] = [];
  #isWorstNext = false;
  #closed = false;

  constructor(settings: PrequalSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  add(
    endpoint: EndpointState,
    { latencyMs, rif }: ProbedLoad,
    now: number,
    members: ReadonlySet<EndpointState>,
  ): void {
    if (this.#closed) return;
    // What the endpoint said before is no longer true.
    this.distrust(endpoint);
    if (this.#ownOf(members).length >= this.#settings.poolSize) {
      this.#entries.splice(
        this.#entries.findIndex((entry) => members.has(entry.endpoint)),
        1,
      );
    }
    this.#entries.push({ endpoint, at: now, rif, latencyMs, uses: NaN });
  }

  distrust(endpoint: EndpointState): void {
    this.#drop((entry) => entry.endpoint === endpoint);
  }

  close(): void {
    this.#closed = true;
    this.#entries.length = 0;
  }

  /**
   * The hot-cold lexicographic rule: an endpoint is hot when it has more requests in flight than the given quantile of those in
   * the pool. Of the cold ones the fastest; where all are hot the least busy.
   * @param members those that may be chosen
   * @returns undefined where fewer than two answers are fresh
   */
  best(
    now: number,
    tried: readonly EndpointState[] | undefined,
    members: ReadonlySet<EndpointState>,
  ): EndpointState | undefined {
    const { maxAgeMs, rifQuantile } = this.#settings;
    this.#drop(({ at, endpoint, uses }) => now - at > maxAgeMs || uses <= 0 || endpoint.leaving);
    const usable = this.#ownOf(members).filter(
      ({ endpoint }) =>
        endpoint.open &&
        tried?.includes(endpoint) !== true &&
        healedSuccess(endpoint.table, endpoint.offset, now) >= LEAST_SUCCESS,
    );
    if (usable.length < 2) return undefined;
    const rifs = usable.map(({ rif }) => rif).toSorted((a, b) => a - b);
    const threshold = rifs[Math.min(rifs.length - 1, Math.floor(rifQuantile * rifs.length))]!;
    let [chosen] = usable;
    for (const entry of usable) {
      const isCold = entry.rif <= threshold;
      const wasCold = chosen!.rif <= threshold;
      if (isCold === wasCold) {
        if (isCold ? entry.latencyMs < chosen!.latencyMs : entry.rif < chosen!.rif) chosen = entry;
      } else if (isCold) chosen = entry;
    }
    // This call will be one more in flight there, which the next choice should know before the next probe says so.
    chosen!.rif++;
    if (Number.isNaN(chosen!.uses)) chosen!.uses = this.#uses(members.size);
    chosen!.uses--;
    this.#remove(members);
    return chosen!.endpoint;
  }

  /**
   * How often an answer may be used so that the pool does not run dry: the paper's
   * `max(1, (1 + δ) / ((1 − m / n) × probes − removals))` with δ = 1, rounded up or down by chance.
   */
  #uses(endpoints: number): number {
    const { poolSize, probesPerCall, removalsPerCall } = this.#settings;
    const rate = (1 - Math.min(0.99, poolSize / endpoints)) * probesPerCall - removalsPerCall;
    const uses = rate <= 0 ? 1 : Math.max(1, 2 / rate);
    return Math.floor(uses + this.#random());
  }

  /** The oldest and the worst in turn: the one may be out of date, the other would stay for ever. */
  #remove(members: ReadonlySet<EndpointState>): void {
    const own = this.#ownOf(members);
    const count = Math.min(Math.floor(this.#settings.removalsPerCall + this.#random()), own.length - 2);
    for (let i = 0; i < count; i++) {
      let index = 0;
      if (this.#isWorstNext) {
        for (const [at, { latencyMs, rif }] of own.entries()) {
          const worst = own[index]!;
          if (rif > worst.rif || (rif === worst.rif && latencyMs > worst.latencyMs)) index = at;
        }
      }
      this.#isWorstNext = !this.#isWorstNext;
      const [removed] = own.splice(index, 1);
      this.#drop((entry) => entry === removed);
    }
  }

  #ownOf(members: ReadonlySet<EndpointState>): Entry[] {
    return this.#entries.filter(({ endpoint }) => members.has(endpoint));
  }

  #drop(which: (entry: Entry) => boolean): void {
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      if (which(this.#entries[index]!)) this.#entries.splice(index, 1);
    }
  }
}

/** Reads what an endpoint says of its load; undefined where that makes no sense. */
export function readLoad({ body, headers }: ProbeAnswer): ProbedLoad | undefined {
  const rif = headers["x-prequal-rif"];
  const latencyMs = headers["x-prequal-latency-ms"];
  if (rif !== undefined || latencyMs !== undefined) return checked(Number(rif), Number(latencyMs));
  if (body.length > 1_024) return undefined;
  try {
    const given: unknown = JSON.parse(body);
    if (typeof given !== "object" || given === null || !("rif" in given) || !("latencyMs" in given))
      return undefined;
    return checked(Number(given.rif), Number(given.latencyMs));
  } catch {
    return undefined;
  }
}

function checked(rif: number, latencyMs: number): ProbedLoad | undefined {
  return rif >= 0 && rif < 1e9 && latencyMs >= 0 && latencyMs < 1e9 ? { rif, latencyMs } : undefined;
}
