import { constantTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario, SimulationResult } from "../../../packages/core/src/testing/index.ts";
import { sendsBetween, shareBetween } from "../figures.ts";
import { runPolicy, study } from "../study.ts";
import type { Study } from "../study.ts";
import { s, servers } from "./models.ts";

const count = 100;
const calls = 100_000;

/** Finagle's test of its balancers: nobody is released, so that the load alone decides. */
const held: Scenario = {
  name: "even-spread",
  // A quarter of the way to one call more than the hundred thousand.
  durationMs: s(50) + 0.125,
  callsPerSecond: calls / 50,
  arrivals: "even",
  limitMs: s(100),
  servers: servers(count, { serviceTime: constantTime(s(60)) }),
};

/** The same with answers, so that there are latencies to go by. */
const answered: Scenario = {
  ...held,
  servers: servers(count, { serviceTime: constantTime(500) }),
};

const patient = { timeout: { totalMs: s(100), attemptMs: s(100) }, subset: false } as const;

export const evenSpread: Study = study(held, {
  about:
    "100,000 calls on 100 equal endpoints, held to the end (Finagle's test of evenness); once more with answers in 500 ms",
  policies: ["round-robin", "random", "least-request", "peak-ewma", "default", "default+ejection"],
  service: patient,
  extra: (result) => ({ furthestOff: furthestOff(result) }),
  further: async (result) => ({
    furthestOffAnswered: furthestOff(await runPolicy(answered, result.policy, result.seed, patient)),
  }),
});

/** How many attempts more or fewer than its part an endpoint got, at the most. */
function furthestOff({ calls: sent, shares }: SimulationResult): number {
  return Math.max(...Object.values(shares).map((share) => Math.abs(share - 1 / count) * sent));
}

const knownFrom = 10;

const down: Scenario = {
  name: "half-down",
  durationMs: s(60),
  callsPerSecond: calls / 50,
  limitMs: 1_000,
  servers: Array.from({ length: count }, (_, index) => ({
    id: `b-${index + 1}`,
    serviceTime: constantTime(20),
    phases: index % 2 === 0 ? [{ fromMs: 0, toMs: Infinity, refuse: true }] : [],
  })),
};

const dead = down.servers.filter((_, index) => index % 2 === 0).map(({ id }) => id);

export const halfDown: Study = study(down, {
  about:
    "50 of 100 endpoints refuse connections and discovery does not notice; 100,000 calls after the first 10 s",
  policies: ["round-robin", "least-request", "default", "default+ejection"],
  service: { subset: false },
  extra: (result) => ({
    failedCalls: result.failed,
    deadSendsAfter10s: sendsBetween(down, result, dead, knownFrom, 60),
    deadSharePercent: 100 * shareBetween(down, result, dead, knownFrom, 60),
    panics: result.panics,
  }),
});

const allDead: Scenario = {
  name: "all-down",
  durationMs: s(20),
  callsPerSecond: 500,
  limitMs: 1_000,
  servers: servers(10, {
    serviceTime: constantTime(20),
    phases: [{ fromMs: s(5), toMs: s(15), refuse: true }],
  }),
};

export const allDown: Study = study(allDead, {
  about: "all of 10 endpoints refuse connections from 5 s to 15 s; every call still tries one",
  policies: ["round-robin", "least-request", "default", "default+ejection"],
  extra: (result) => ({
    failedCalls: result.failed,
    notOkAfterRecovery: result.seconds.slice(15, 20).reduce((sum, { calls: n, ok }) => sum + n - ok, 0),
    panics: result.panics,
  }),
});
