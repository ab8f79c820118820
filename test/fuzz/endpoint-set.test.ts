import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../packages/core/src/balancers/balancers.ts";
import type { Endpoint, Health } from "../../packages/core/src/discovery/source.ts";
import type { AttemptResult } from "../../packages/core/src/endpoints/attempt-result.ts";
import type { EndpointState } from "../../packages/core/src/endpoints/endpoint-state.ts";
import { resolveOutlierDetection } from "../../packages/core/src/endpoints/outlier/resolve-outlier.ts";
import { subsetterFor } from "../../packages/core/src/endpoints/subset/subsetter.ts";
import { resolveLocality } from "../../packages/core/src/endpoints/traffic/locality-policy.ts";
import type { BalancingView } from "../../packages/core/src/engine/balancing-views.ts";
import { EndpointSet } from "../../packages/core/src/engine/endpoint-set.ts";
import type { EndpointDiff } from "../../packages/core/src/engine/endpoint-set.ts";
import { EventHub } from "../../packages/core/src/event-hub.ts";
import { seededRandom } from "../../packages/core/src/random.ts";
import type { Random } from "../../packages/core/src/random.ts";
import { ManualClock } from "../../packages/core/src/testing/manual-clock.ts";

const balancers: readonly unknown[] = [
  "success-aware-ewma",
  "least-request",
  { type: "least-request", choices: 3 },
  "least-response-time",
  "peak-ewma",
  "round-robin",
  "random",
  "weighted-round-robin",
  "weighted-random",
  "client-side-weighted-round-robin",
  { type: "prequal", probePath: "/load" },
  { type: "ring-hash", boundedLoad: { factor: 1.5 } },
  "maglev",
];

const healths: readonly Health[] = [
  "healthy",
  "healthy",
  "healthy",
  "unhealthy",
  "draining",
  "starting",
  "degraded",
];

/** An attempt in flight. */
interface Flight {
  readonly state: EndpointState;
  readonly generation: number;
  readonly isProbe: boolean;
}

/** One service with everything on, driven by chance, and a plain record of what should be true of it. */
class World {
  readonly clock = new ManualClock();
  readonly flights: Flight[] = [];
  readonly random: Random;
  readonly set: EndpointSet;
  readonly view: BalancingView;
  /** What is listed, by id. */
  readonly listed = new Map<string, Endpoint>();
  readonly disconnected = new Set<EndpointState>();
  picks = 0;
  /** How often it was seen that an endpoint outlived a change of the list with all that was measured of it. */
  survivals = 0;
  /** The most endpoints that were ejected at a time. */
  ejected = 0;
  #named = 0;

  constructor(balancer: unknown, seed: number, subset: number) {
    this.random = seededRandom(seed);
    this.set = new EndpointSet({
      service: "fuzzed",
      clock: this.clock,
      random: seededRandom(seed + 1),
      events: new EventHub(),
      outliers: resolveOutlierDetection(
        { intervalMs: 1_000, baseEjectionMs: 2_000, halfOpen: { leaseMs: 3_000 } },
        "",
      ),
      slowStart: { windowMs: 5_000, aggression: 1, minWeightPercent: 10 },
      traffic: {
        locality: resolveLocality(undefined, "", { zone: "z0" }),
        subsetter: subsetterFor(subset === 0 ? false : { type: "rendezvous", size: subset }, seed, undefined),
        panicThreshold: 0.5,
      },
      drainMs: 10_000,
      disconnect: (state) => void this.disconnected.add(state),
      handOver: () => {},
      probe: () => Promise.reject(new Error("nobody answers probes here")),
      warm: undefined,
      onMembers: () => {},
    });
    this.view = this.set.view(resolveBalancer(balancer, "balancer"), undefined);
  }

  int(below: number): number {
    return Math.floor(this.random() * below);
  }

  fresh(): Endpoint {
    const number = this.#named++;
    return {
      id: `e${number}`,
      host: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
      port: 80,
      weight: [0, 1, 1, 1, 2, 5][this.int(6)]!,
      priority: this.int(10) === 0 ? 1 : 0,
      health: healths[this.int(healths.length)]!,
      locality: { zone: `z${this.int(3)}` },
      metadata: {},
    };
  }

  /** Changes the list. What was measured of those that stay must stay with them, whatever group of the traffic they are in then. */
  apply(diff: Partial<EndpointDiff>): void {
    const before = this.listed.size > 500 ? [] : this.measured();
    this.set.apply({ added: [], updated: [], removed: [], ...diff });
    if (before.length === 0) return;
    const after = new Map(this.measured().map((entry) => [entry.state, entry]));
    for (const { figures, state } of before) {
      const now = after.get(state)?.figures;
      if (now === undefined) continue;
      const isKept = figures.every((figure, i) => figure === now[i]);
      this.demand(isKept, `${state.id} had ${figures.join(", ")} and has ${now.join(", ")}`);
      this.survivals++;
    }
  }

  /** Those that may be picked and are idle: what a weight makes of requests in flight depends on the other weights. */
  measured(): { readonly state: EndpointState; readonly figures: readonly unknown[] }[] {
    const now = this.clock.now();
    const { picker, plan } = this.view;
    const states = new Set(plan.groups.flatMap(({ endpoints }) => endpoints));
    return [...states]
      .filter(({ leaving, pending }) => pending === 0 && !leaving)
      .map((state) => ({
        state,
        figures: [state.latencyMs, state.successRatio(now), picker.cost?.(state, now)],
      }));
  }

  add(count: number): void {
    const added = Array.from({ length: count }, () => this.fresh());
    for (const spec of added) this.listed.set(spec.id, spec);
    this.apply({ added });
  }

  remove(): void {
    const spec = this.any();
    if (spec === undefined) return;
    this.listed.delete(spec.id);
    this.apply({ removed: [spec] });
  }

  change(): void {
    const spec = this.any();
    if (spec === undefined) return;
    const moved = this.int(20) === 0 ? { port: 1 + this.int(60_000) } : undefined;
    const next = { ...spec, ...moved, health: healths[this.int(healths.length)]!, weight: this.int(4) };
    this.listed.set(spec.id, next);
    this.apply({ updated: [[spec, next]] });
  }

  any(): Endpoint | undefined {
    // Ids are numbered: a random one is listed often enough.
    for (let i = 0; i < 50; i++) {
      const spec = this.listed.get(`e${this.int(this.#named)}`);
      if (spec !== undefined) return spec;
    }
    return undefined;
  }

  pick(): void {
    const now = this.clock.now();
    const tried = this.int(4) === 0 ? this.flights.slice(0, 2).map(({ state }) => state) : undefined;
    const call = {
      request: { method: "GET", path: `/${this.int(1_000)}`, headers: [] },
      now,
      tried,
      hashKey: `key ${this.int(500)}`,
      avoided: undefined,
      mayRepeat: this.int(3) > 0,
    };
    const state = this.set.pick(this.view, call, undefined);
    this.picks++;
    const isPickable = [...this.listed.values()].some(
      ({ health, weight }) => weight > 0 && health !== "draining",
    );
    if ((state === undefined) === isPickable) {
      throw new Error(
        `pick ${this.picks} found ${state?.id ?? "nothing"} where it should${isPickable ? "" : " not"}`,
      );
    }
    if (state === undefined) return;
    const spec = this.listed.get(state.id);
    if (spec !== state.spec || state.leaving) throw new Error(`${state.id} was picked and is not listed`);
    const { flag } = this.set;
    if (flag === "LB" && !state.open)
      throw new Error(`${state.id} is closed and was picked as if it were not`);
    this.flights.push({ state, generation: this.set.started(state, now), isProbe: flag === "PR" });
  }

  settle(): void {
    const [flight] = this.flights.splice(this.int(this.flights.length), 1);
    if (flight === undefined) return;
    const { generation, isProbe, state } = flight;
    // Some endpoints fail nearly always, some are slow.
    const isBad = Number(state.id.slice(1)) % 7 === 0;
    const draw = this.random();
    const outcome = draw < 0.05 ? "ignored" : draw < (isBad ? 0.9 : 0.07) ? "failure" : "success";
    const status = outcome === "success" ? 200 : outcome === "ignored" ? 0 : [0, 500, 503][this.int(3)]!;
    const result: AttemptResult = {
      outcome: status === 503 ? "overload" : outcome,
      status,
      phase: "body",
      timedOut: false,
      isSuperseded: false,
      isAnswered: false,
      latencyMs: draw > 0.95 ? Number.NaN : 1 + 100 * this.random(),
      headers: status === 503 ? { "retry-after": "1" } : {},
    };
    const retryAfterMs = status === 503 ? 1_000 : undefined;
    this.set.settled(state, this.view, generation, isProbe, result, retryAfterMs, this.clock.now());
  }

  /** What must hold at any time. */
  check(): void {
    const states = [...this.set];
    const present = states.filter(({ leaving }) => !leaving);
    this.demand(
      present.length === this.listed.size,
      `${present.length} endpoints instead of ${this.listed.size}`,
    );
    const inFlight = new Map<EndpointState, number>();
    for (const { state } of this.flights) inFlight.set(state, (inFlight.get(state) ?? 0) + 1);
    let out = 0;
    let probing = 0;
    for (const state of present) {
      if (state.pending !== (inFlight.get(state) ?? 0))
        throw new Error(`${state.id} has ${state.pending} in flight`);
      if (state.gate.circuit !== "closed" || state.gate.penaltyUntil > this.clock.now()) out++;
      probing += state.gate.ejection.probesInFlight;
    }
    this.demand(out <= Math.max(1, present.length / 2), `${out} of ${present.length} are out`);
    this.demand(probing <= this.set.ejected, `${probing} probes for ${this.set.ejected} ejected endpoints`);
    this.demand(this.set.ejected <= out, `${this.set.ejected} ejected, ${out} out`);
    this.ejected = Math.max(this.ejected, this.set.ejected);
  }

  demand(isTrue: boolean, otherwise: string): void {
    if (!isTrue) throw new Error(`after ${this.picks} picks: ${otherwise}`);
  }
}

async function drive(world: World, actions: number): Promise<void> {
  for (let action = 0; action < actions; action++) {
    const draw = world.int(100);
    if (draw < 50) world.pick();
    else if (draw < 88) world.settle();
    else if (draw < 90) world.add(1 + world.int(3));
    else if (draw < 93) world.remove();
    else if (draw < 97) world.change();
    else {
      // oxlint-disable-next-line no-await-in-loop -- one action after the other
      await world.clock.advance(world.int(800));
      world.set.tick(world.clock.now());
    }
    if (action % 250 === 0) world.check();
  }
  world.check();
}

describe.each(balancers.map((balancer) => [JSON.stringify(balancer), balancer] as const))(
  "endpoints under %s",
  (_, balancer) => {
    it.each([1, 2, 3])("keep every invariant through 4,000 random actions, seed %i", async (seed) => {
      const world = new World(balancer, seed, seed === 2 ? 8 : 0);
      world.add(20 + world.int(60));
      await drive(world, 4_000);
      expect(world.picks).toBeGreaterThan(1_500);
      expect(world.ejected).toBeGreaterThan(0);
      expect(world.survivals).toBeGreaterThan(10);
      world.set.close();
    });
  },
);

describe("sixty thousand endpoints", () => {
  it.each([
    ["success-aware-ewma", 0],
    ["success-aware-ewma", 64],
    ["weighted-round-robin", 64],
  ])("under %s with a subset of %i keep every invariant", async (balancer, subset) => {
    const world = new World(balancer, 5, subset);
    world.add(60_000);
    await drive(world, 400);
    expect(world.picks).toBeGreaterThan(150);
    world.set.close();
  });
});

describe("endpoints that come and go ten thousand times", () => {
  it("leave nothing behind", async () => {
    const world = new World("success-aware-ewma", 9, 0);
    world.add(10);
    const lasting = [...world.set].find(({ spec }) => spec.weight > 0 && spec.health === "healthy")!;
    const { table } = lasting;
    for (let i = 0; i < 10_000; i++) {
      world.add(1);
      world.pick();
      world.settle();
      const last = [...world.listed.values()].findLast(({ id }) => id !== lasting.id)!;
      world.listed.delete(last.id);
      world.set.apply({ added: [], updated: [], removed: [last] });
    }
    while (world.flights.length > 0) world.settle();
    await world.clock.advance(20_000);
    expect([...world.set].length).toBe(world.listed.size);
    // As many rows as were ever needed at once, and not one for each that came.
    expect(table.data.length).toBeLessThanOrEqual(4 * 64);
    expect(world.clock.pendingTimers).toBe(0);
    expect([...world.set]).toContain(lasting);
    world.set.close();
  });
});
