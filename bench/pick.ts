import { resolveBalancer } from "../packages/core/src/balancers/balancers.ts";
import type { BalancerName, BalancerPolicy } from "../packages/core/src/balancers/balancers.ts";
import type {
  Balancer,
  PickContext,
  Picker,
  PickerDeps,
  ProbeAnswer,
} from "../packages/core/src/balancers/picker.ts";
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
  /** Nanoseconds; null where the figure is only shown. */
  readonly target: number | null | undefined;
}

/** A balancer, and how its endpoints are. */
interface Subject {
  readonly name: string;
  readonly policy: BalancerName | BalancerPolicy;
  /** Every second endpoint has twice the weight. */
  readonly weighted?: boolean;
  /** The share of endpoints whose gate is closed. */
  readonly closed?: number;
  readonly target?: number | null;
}

const picksPerRound = 50_000;
const sizes = [10, 100, 1_000, 10_000] as const;
const now = 1_000_000;

/**
 * What choosing an endpoint costs, and whether that grows with their number. The figure is the best round: nothing makes a round
 * faster than the code is, and everything else on the machine makes it slower.
 */
export async function benchPick({ progress, rounds }: PickOptions): Promise<readonly Row[]> {
  const p2c = sizes.map((size) => caseOf("success-aware-ewma", size));
  // The default comes first and alone: the call site of `pick` is then as a process with one balancer has it.
  measure(p2c, rounds, progress);
  const others = byLoadOrTurn.flatMap((subject) => {
    const pair = [caseOf(subject, 100), caseOf(subject, 10_000)];
    measure(pair, rounds, progress);
    return pair;
  });
  const asking = [caseOf(prequal, 100), caseOf(prequal, 10_000)];
  for (const subject of asking) await measureAsking(subject, Math.ceil(rounds / 4));
  const hashing = hashers.flatMap((balancer) => sizes.map((size) => caseOf(balancer, size)));
  measure(hashing, rounds, progress);
  const smallest = p2c[0]!;
  const rows = [...p2c, ...others, ...hashing, ...asking].map(
    ({ keys, name, samples, target: asked }): Row => {
      const isDefault = name.startsWith("pick success-aware-ewma");
      const target = asked === undefined ? (isDefault ? 60 : keys === undefined ? 100 : 250) : asked;
      return {
        name,
        metric: "ns",
        value: Math.min(...samples),
        ratio: null,
        against: null,
        target,
        note: usual(samples),
      };
    },
  );
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
  const { balancer, deps, endpoints } = partsOf({ name: "maglev", policy: "maglev" }, size);
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

/** As `measure`, with time between the picks for the answers to their probes to come in. */
async function measureAsking({ picker, samples }: Case, rounds: number): Promise<void> {
  const picksAtOnce = 16;
  for (let round = 0; round < rounds; round++) {
    let tookMs = 0;
    for (let i = 0; i < 250; i++) {
      const begin = performance.now();
      pickMany(picker, picksAtOnce);
      tookMs += performance.now() - begin;
      // oxlint-disable-next-line no-await-in-loop -- the answers must be in before the next picks
      await new Promise(setImmediate);
    }
    samples.push((tookMs * 1e6) / (250 * picksAtOnce));
  }
}

const noKeys: readonly string[] = [];
/** Of 36 characters, as UUIDs. */
const userKeys = Array.from({ length: 10_000 }, (_, i) =>
  `user-${i}`.padEnd(36, "-8b5c1f9e2c1d4a539a315b7d1f0f3e21"),
);
const hashers = ["ring-hash", "maglev"] as const;
const byLoadOrTurn: readonly (BalancerName | Subject)[] = [
  { name: "default, weighted", policy: "success-aware-ewma", weighted: true, target: 150 },
  // What is passed over is drawn in vain: such a pick is several.
  { name: "default, 30 % closed", policy: "success-aware-ewma", closed: 0.3, target: null },
  "least-request",
  { name: "least-request of 3", policy: { type: "least-request", choices: 3 } },
  "least-response-time",
  "peak-ewma",
  "round-robin",
  "random",
  "weighted-round-robin",
  "weighted-random",
  "client-side-weighted-round-robin",
];
/** Each pick also sends probes, which is most of what it costs. */
const prequal: Subject = {
  name: "prequal with its probes",
  policy: { type: "prequal", probePath: "/load" },
  target: null,
};

const request = { method: "GET", path: "/", headers: [] };
const loads = Array.from({ length: 8 }, (_, i) => ({
  headers: { "x-prequal-rif": String(i), "x-prequal-latency-ms": String(1 + ((i * 5) % 8)) },
  body: "",
}));
const probe = ({ spec }: EndpointState): Promise<ProbeAnswer> => Promise.resolve(loads[spec.port % 8]!);

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
  { closed = 0, policy, weighted = false }: Subject,
  size: number,
): { balancer: Balancer; endpoints: readonly EndpointState[]; deps: PickerDeps } {
  const random = seededRandom(size);
  const table = new LoadTable();
  const endpoints = Array.from({ length: size }, (_, i) => {
    const spec = {
      id: `e${i}`,
      host: "10.0.0.1",
      port: 1 + i,
      weight: weighted ? 1 + (i % 2) : 1,
      priority: 0,
      health: "healthy",
      metadata: {},
    } as const;
    const endpoint = new EndpointState(spec, table, now - 2_000);
    const heardAt = now - 2_000 * random();
    if (random() < 0.02) table.failed(endpoint.offset, heardAt - 100);
    table.succeeded(endpoint.offset, 1 + 10 * random(), heardAt);
    if (random() < 0.3) table.started(endpoint.offset);
    if (random() < closed) table.setClosed(endpoint.offset, true);
    return endpoint;
  });
  const deps = { table, random: systemRandom, clock: systemClock, probe };
  return { balancer: resolveBalancer(policy, "balancer"), endpoints, deps };
}

function caseOf(of: BalancerName | Subject, size: number): Case {
  const subject = typeof of === "string" ? { name: of, policy: of } : of;
  const { balancer, deps, endpoints } = partsOf(subject, size);
  const keys = hashers.some((hasher) => hasher === of) ? userKeys : undefined;
  const picker = balancer.build(endpoints, deps);
  for (const endpoint of endpoints) {
    const latencyMs = 1 + 10 * deps.random();
    const answer = {
      outcome: "success",
      status: 200,
      phase: "body",
      timedOut: false,
      isSuperseded: false,
      isAnswered: false,
      latencyMs,
      headers: {},
    } as const;
    picker.settled?.(endpoint, answer, now - 2_000 * deps.random());
  }
  return { name: `pick ${subject.name} ${size}`, picker, keys, samples: [], target: subject.target };
}
