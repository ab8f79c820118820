import type { CallRequest, WholeSink } from "../../engine/request.ts";
import { seededRandom } from "../../random.ts";
import { CallRate } from "./call-rate.ts";
import { mixSeed } from "./mix-seed.ts";
import type { Recorder } from "./recorder.ts";
import type { Scenario, SimulatedCall } from "./scenario.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What is still unanswered so long after the last call began is given up. */
const PATIENCE_MS = 120_000;

/** What the calls of a scenario go through. */
export interface TrafficOptions {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly recorder: Recorder;
  readonly onCall: ((call: SimulatedCall) => void) | undefined;
  /** Has a client do something as soon as it can. */
  readonly asClient: (client: number, then: () => void) => void;
  readonly send: (client: number, request: CallRequest, sink: WholeSink) => void;
}

/** The calls of a scenario, as they come. */
export class Traffic {
  readonly #scenario: Scenario;
  readonly #options: TrafficOptions;
  readonly #rate: CallRate;
  readonly #arrivals: () => number;
  readonly #requests: () => number;
  readonly #startsAt: number;
  readonly #clients: number;
  #open = 0;
  #next = 0;
  #isLate = false;

  constructor(scenario: Scenario, options: TrafficOptions) {
    this.#scenario = scenario;
    this.#options = options;
    this.#rate = new CallRate(scenario.callsPerSecond);
    this.#arrivals = seededRandom(mixSeed(options.seed, 3, 0));
    this.#requests = seededRandom(mixSeed(options.seed, 4, 0));
    this.#startsAt = options.clock.now();
    this.#clients = scenario.clients?.length ?? 1;
  }

  /** No more calls come, and all are answered or given up. */
  get isOver(): boolean {
    return this.#isLate || (this.#open === 0 && this.#next === Infinity);
  }

  start(): void {
    this.#next = this.#startsAt;
    this.#schedule();
    const end = this.#startsAt + this.#scenario.durationMs + PATIENCE_MS;
    this.#options.clock.at(end, () => {
      this.#isLate = true;
    });
  }

  #schedule(): void {
    this.#next = this.#after(this.#next - this.#startsAt) + this.#startsAt;
    if (this.#next >= this.#startsAt + this.#scenario.durationMs) {
      this.#next = Infinity;
      return;
    }
    this.#options.clock.at(this.#next, () => {
      this.#arrive();
      this.#schedule();
    });
  }

  /** When the next call comes, in milliseconds from the beginning. */
  #after(ms: number): number {
    const { arrivals = "poisson", durationMs } = this.#scenario;
    const rate = this.#rate;
    if (arrivals === "even") return ms + 1_000 / rate.at(ms);
    const mean = 1_000 / rate.most;
    let next = ms;
    // Thinning (Lewis and Shedler, 1979): calls come at the highest rate, and those that are too many are left out.
    do next += -Math.log(1 - this.#arrivals()) * mean;
    while (!rate.isConstant && next < durationMs && this.#arrivals() * rate.most >= rate.at(next));
    return next;
  }

  #arrive(): void {
    const { asClient } = this.#options;
    const { fanOut = 1, request } = this.#scenario;
    const first = this.#requests;
    const given = request?.(first, this.#options.recorder.calls) ?? {};
    const client = this.#clients === 1 ? 0 : Math.floor(first() * this.#clients);
    const requests = [given];
    for (let i = 1; i < fanOut; i++) requests.push(request?.(first, this.#options.recorder.calls) ?? {});
    this.#open++;
    asClient(client, () => {
      const whole = this.#begin(fanOut);
      for (const { hashKey, method = "GET", path = "/" } of requests) {
        const sent: CallRequest = { method, path, headers: [], body: null, hashKey };
        this.#options.send(client, sent, whole);
      }
    });
  }

  /** Begins a call. @returns what hears of each of its requests */
  #begin(requests: number): WholeSink {
    const { clock, onCall, recorder } = this.#options;
    const begunAt = clock.now();
    const begunMs = begunAt - this.#startsAt;
    recorder.began(begunMs);
    let left = requests;
    let bad: { readonly status: number; readonly error: unknown } | undefined;
    const end = (status: number, error: unknown): void => {
      if (status === 0 || status >= 400) bad = { status, error };
      if (--left > 0) return;
      const tookMs = clock.now() - begunAt;
      this.#open--;
      const isWell = bad === undefined && tookMs <= this.#scenario.limitMs;
      recorder.ended(begunMs, tookMs, isWell, bad !== undefined);
      onCall?.({ begunMs, tookMs, ...(bad ?? { status, error }) });
    };
    return {
      mode: "whole",
      done: (status) => {
        end(status, undefined);
      },
      fail: (error) => {
        end(0, error);
      },
    };
  }
}
