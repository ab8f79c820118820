import type { PickContext } from "../../../packages/core/src/balancers/picker.ts";
import { buildSplit } from "../../../packages/core/src/balancers/split.ts";
import { EndpointState } from "../../../packages/core/src/endpoints/endpoint-state.ts";
import { LoadTable } from "../../../packages/core/src/endpoints/load-table.ts";
import { subsetterFor } from "../../../packages/core/src/endpoints/subset/subsetter.ts";
import { planTraffic } from "../../../packages/core/src/endpoints/traffic/traffic-plan.ts";
import type { TrafficPlan } from "../../../packages/core/src/endpoints/traffic/traffic-plan.ts";
import { resolvePolicy } from "../../../packages/core/src/policies/resolve-policy.ts";
import { ManualClock, seededRandom } from "../../../packages/core/src/testing/index.ts";
import { optionsOf } from "../policies.ts";
import type { Run, Study } from "../study.ts";

const clients = 1_000;
const servers = 1_000;
const callsPerClient = 100;
/** Servers that are taken out one after the other and come back, to see what that changes. */
const removals = 3;

/**
 * The one scenario without time: a thousand meshes with a thousand endpoints each would be a million records. The planning of
 * traffic, the subsets and the pickers are the real ones; what calls take does not matter here.
 */
export const subsetting: Study = {
  name: "subsetting",
  about:
    "1,000 clients use 20 each of 1,000 endpoints: how even the load is, and what the loss of an endpoint changes",
  policies: ["rendezvous", "aperture"],
  affected: [],
  okWithinMs: 1_000,
  run: (policy, seed) => Promise.resolve(runSubsetting(policy, seed)),
};

function runSubsetting(policy: string, seed: number): Run {
  const table = new LoadTable();
  const states = Array.from({ length: servers }, (_, index) => stateOf(index, table));
  const random = seededRandom(seed);
  const gone = Array.from({ length: removals }, () => states[Math.floor(random() * servers)]!);
  const positions = new Map(states.map((state, index) => [state, index]));
  const sends = new Float64Array(servers);
  let changed = 0;
  let most = 0;
  let members = 0;
  for (let index = 0; index < clients; index++) {
    const ordinal = { index, total: clients };
    const { balancing } = resolvePolicy(optionsOf(policy), "", { ordinal });
    const subsetter = subsetterFor(balancing.subset, Math.floor(random() * 2 ** 32), ordinal);
    const plan = (endpoints: readonly EndpointState[]): TrafficPlan =>
      planTraffic(endpoints, { ...balancing, subsetter });
    const before = plan(states);
    members += before.members.size;
    const clock = new ManualClock();
    const probe = (): Promise<never> => Promise.reject(new Error("nothing answers here"));
    const picker = buildSplit(balancing.balancer, before.groups, { table, random, clock, probe }, undefined);
    for (let call = 0; call < callsPerClient; call++) {
      const chosen = picker.pick(anyCall);
      if (chosen !== undefined) sends[positions.get(chosen)!]!++;
    }
    for (const one of gone) {
      const after = plan(states.filter((state) => state !== one)).members;
      const added = [...after].filter((state) => !before.members.has(state)).length;
      changed += added;
      most = Math.max(most, added);
    }
  }
  const calls = clients * callsPerClient;
  const extra = {
    membersPerClient: members / clients,
    changedPerClientAndRemoval: changed / clients / removals,
    mostChanged: most,
  };
  return {
    timeline: undefined,
    row: {
      policy,
      calls,
      okRatio: 1,
      p50Ms: Number.NaN,
      p99Ms: Number.NaN,
      p999Ms: Number.NaN,
      p9999Ms: Number.NaN,
      sendsPerCall: 1,
      shares: Object.fromEntries(states.map(({ id }, index) => [id, sends[index]! / calls])),
      maxOverMean: Math.max(...sends) / (calls / servers),
      extra,
    },
  };
}

const anyCall: PickContext = {
  request: { method: "GET", path: "/", headers: [] },
  now: 0,
  tried: undefined,
  hashKey: undefined,
};

function stateOf(index: number, table: LoadTable): EndpointState {
  const spec = {
    id: `b-${index + 1}`,
    host: `10.0.${index >> 8}.${index & 255}`,
    port: 80,
    weight: 1,
    priority: 0,
    health: "healthy" as const,
    metadata: {},
  };
  return new EndpointState(spec, table, 0);
}
