import { resolveBalancer } from "../packages/core/src/balancers/balancers.ts";
import type { BalancerName } from "../packages/core/src/balancers/balancers.ts";
import type { Balancer, PickContext, Picker, PickerDeps } from "../packages/core/src/balancers/picker.ts";
import { systemClock } from "../packages/core/src/clock.ts";
import { EndpointState } from "../packages/core/src/endpoints/endpoint-state.ts";
import { LoadTable } from "../packages/core/src/endpoints/load-table.ts";
import { seededRandom, systemRandom } from "../packages/core/src/random.ts";
import type { Row } from "./row.ts";
import { median } from "./statistics.ts";

export interface PickOptions {
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

interface Case {
  readonly name: string;
  readonly picker: Picker;
  /** What each pick is hashed by, one after the other. */
  readonly keys: readonly string[] | undefined;
  readonly samples: number[];
}

const picksPerRound = 50_000;
const sizes = [10, 100, 1_000, 10_000] as const;
const now = 1_000_000;

/**
 * What choosing an endpoint costs, and whether that grows with their number. The figure is the best round: nothing makes a round
 * faster than the code is, and everything else on the machine makes it slower.
 */
export function benchPick({ progress, rounds }: PickOptions): readonly Row[] {
  const p2c = sizes.map((size) => caseOf("success-aware-ewma", size));
  // The default comes first and alone: the call site of `pick` is then as a process with one balancer has it.
  measure(p2c, rounds, progress);
  const others = byLoadOrTurn.flatMap((balancer) => {
    const pair = [caseOf(balancer, 100), caseOf(balancer, 10_000)];
    measure(pair, rounds, progress);
    return pair;
  });
  const hashing = hashers.flatMap((balancer) => sizes.map((size) => caseOf(balancer, size)));
  measure(hashing, rounds, progress);
  const smallest = p2c[0]!;
  const rows = [...p2c, ...others, ...hashing].map(({ keys, name, samples }): Row => {
    const target = name.startsWith("pick success-aware-ewma") ? 60 : keys === undefined ? 100 : 250;
    return {
      name,
      metric: "ns",
      value: Math.min(...samples),
      ratio: null,
      against: null,
      target,
      note: usual(samples),
    };
  });
  const largest = p2c.at(-1)!;
  rows.push({
    name: largest.name,
    metric: "ns",
    value: Math.min(...largest.samples),
    ratio: Math.min(...largest.samples) / Math.min(...smallest.samples),
    against: smallest.name,
    target: 1.5,
  });
  return [...rows, maglevBuild()];
}

/** What a new table costs: each change of a service that is balanced by it makes one. */
function maglevBuild(): Row {
  const size = 1_000;
  const { balancer, deps, endpoints } = partsOf("maglev", size);
  const samples = Array.from({ length: 30 }, () => {
    const begin = performance.now();
    balancer.build(endpoints, deps);
    return performance.now() - begin;
  });
  return {
    name: `build maglev ${size}`,
    metric: "ms",
    value: Math.min(...samples),
    ratio: null,
    against: null,
    target: 20,
    note: usual(samples),
  };
}

function usual(samples: readonly number[]): string {
  return `median ${median(samples).toFixed(1)}`;
}

function measure(cases: readonly Case[], rounds: number, progress: (text: string) => void): void {
  for (const { keys, picker } of cases) pickMany(picker, picksPerRound * 4, keys);
  for (let round = 0; round < rounds; round++) {
    if (round % 20 === 0) progress(`pick: round ${round} of ${rounds}`);
    for (let i = 0; i < cases.length; i++) {
      const { keys, picker, samples } = cases[(i + round) % cases.length]!;
      const begin = performance.now();
      pickMany(picker, picksPerRound, keys);
      samples.push(((performance.now() - begin) * 1e6) / picksPerRound);
    }
  }
}

const noKeys: readonly string[] = [];
/** Of 36 characters, as UUIDs. */
const userKeys = Array.from({ length: 10_000 }, (_, i) =>
  `user-${i}`.padEnd(36, "-8b5c1f9e2c1d4a539a315b7d1f0f3e21"),
);
const hashers = ["ring-hash", "maglev"] as const;
/** Without the one that asks endpoints before each pick: what that costs is not the pick. */
const byLoadOrTurn = [
  "least-request",
  "least-response-time",
  "peak-ewma",
  "round-robin",
  "random",
  "weighted-round-robin",
  "weighted-random",
  "client-side-weighted-round-robin",
] as const;

const request = { method: "GET", path: "/", headers: [] };
const probe = (): Promise<never> => Promise.reject(new Error("nothing here answers probes"));

/** Each choice goes into the next context, as the engine keeps it, so that none of them can be optimised away. */
function pickMany(picker: Picker, picks: number, keys: readonly string[] = noKeys): number {
  const context: PickContext & { hashKey: string | undefined } = {
    request,
    now,
    tried: undefined,
    hashKey: undefined,
  };
  let last: EndpointState | undefined;
  let repeats = 0;
  for (let i = 0; i < picks; i++) {
    if (keys.length > 0) context.hashKey = keys[i % keys.length];
    const chosen = picker.pick(context);
    if (chosen === last) repeats++;
    last = chosen;
  }
  if (last === undefined) throw new Error("a picker chose nothing");
  return repeats;
}

/** Endpoints in the middle of their work: measured, some busy, one in fifty getting over a failure, some not asked for a while. */
function partsOf(
  type: BalancerName,
  size: number,
): { balancer: Balancer; endpoints: readonly EndpointState[]; deps: PickerDeps } {
  const random = seededRandom(size);
  const table = new LoadTable();
  const endpoints = Array.from({ length: size }, (_, i) => {
    const spec = {
      id: `e${i}`,
      host: "10.0.0.1",
      port: 1 + i,
      weight: 1,
      priority: 0,
      health: "healthy",
      metadata: {},
    } as const;
    const endpoint = new EndpointState(spec, table, now - 2_000);
    const heardAt = now - 2_000 * random();
    if (random() < 0.02) table.failed(endpoint.offset, heardAt - 100);
    table.succeeded(endpoint.offset, 1 + 10 * random(), heardAt);
    if (random() < 0.3) table.started(endpoint.offset);
    return endpoint;
  });
  const deps = { table, random: systemRandom, clock: systemClock, probe };
  return { balancer: resolveBalancer(type, "balancer"), endpoints, deps };
}

function caseOf(type: BalancerName, size: number): Case {
  const { balancer, deps, endpoints } = partsOf(type, size);
  const keys = hashers.some((hasher) => hasher === type) ? userKeys : undefined;
  const picker = balancer.build(endpoints, deps);
  for (const endpoint of endpoints) {
    const latencyMs = 1 + 10 * deps.random();
    const answer = {
      outcome: "success",
      status: 200,
      phase: "body",
      timedOut: false,
      latencyMs,
      headers: {},
    } as const;
    picker.settled?.(endpoint, answer, now - 2_000 * deps.random());
  }
  return { name: `pick ${type} ${size}`, picker, keys, samples: [] };
}
