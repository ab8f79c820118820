import { ProxylessError } from "../../../packages/core/src/index.ts";
import { lognormalTime, simulate } from "../../../packages/core/src/testing/index.ts";
import type { Scenario, SimulatedCall } from "../../../packages/core/src/testing/index.ts";
import { optionsOf } from "../policies.ts";
import { rowOf, timelineOf } from "../study.ts";
import type { Extra, Study } from "../study.ts";
import { s, servers } from "./models.ts";

const medianMs = 20;
const sigma = 0.35;
const count = 5;
const workers = 5;
/** What all can do together, in calls per second. */
const able = (count * workers * 1_000) / (medianMs * Math.exp(sigma ** 2 / 2));
/** The 99th percentile of what a request takes that waits for nobody. */
const unloadedP99Ms = medianMs * Math.exp(sigma * 2.3263);

const upFrom = 10;
const peakAt = 40;
const downTo = 70;
const endsAt = 90;

/** The load by the capacity, at a point in time. */
function loadAt(atMs: number): number {
  const partOfWay = (from: number, to: number): number => (atMs / 1_000 - from) / (to - from);
  return 0.1 + 2.9 * Math.max(0, Math.min(partOfWay(upFrom, peakAt), partOfWay(downTo, peakAt)));
}

const scenario: Scenario = {
  name: "overload-ramp",
  durationMs: s(endsAt),
  callsPerSecond: [0, upFrom, peakAt, downTo].map((at) => [s(at), able * loadAt(s(at))] as const),
  limitMs: 500,
  // A full queue is half a second's work, which nobody is helped with.
  servers: servers(count, { serviceTime: lognormalTime(medianMs, sigma), workers, queue: 25 * workers }),
};

interface Second {
  calls: number;
  ok: number;
  readonly accepted: number[];
}

/** What people want to know of overload: what is still done, how quickly, for how long it hurts, and whom it hits for nothing. */
function figures(calls: readonly SimulatedCall[]): Extra {
  const seconds = Array.from({ length: endsAt }, (): Second => ({ calls: 0, ok: 0, accepted: [] }));
  const accepted: number[] = [];
  let refusedHere = 0;
  let refusedThere = 0;
  let lostBelow80 = 0;
  for (const call of calls) {
    const { begunMs, error, status, tookMs } = call;
    const second = seconds[Math.floor(begunMs / 1_000)]!;
    second.calls++;
    if (status > 0 && status < 400) {
      accepted.push(tookMs);
      second.accepted.push(tookMs);
      if (tookMs <= scenario.limitMs) second.ok++;
      continue;
    }
    if (error instanceof ProxylessError && error.attempts.length === 0) refusedHere++;
    if (status === 503) refusedThere++;
    if (loadAt(begunMs) < 0.8) lostBelow80++;
  }
  const goodput = seconds.map((second) => (100 * second.ok) / Math.min(second.calls, able));
  const slowness = seconds.map((second) => p99(second.accepted) / unloadedP99Ms);
  let sick = endsAt - 1;
  // A second has too few calls for its 99th percentile to say more.
  while (sick >= downTo && goodput[sick]! >= 99 && slowness[sick]! <= 2) sick--;
  return {
    worstGoodputPercent: Math.min(...goodput),
    goodputAbove100Percent: mean(
      goodput.filter((_, second) => loadAt(s(second)) > 1 && loadAt(s(second + 1)) > 1),
    ),
    acceptedP99ByUnloaded: p99(accepted) / unloadedP99Ms,
    worstSecondP99ByUnloaded: Math.max(...slowness),
    healthyAfterS: sick === endsAt - 1 ? null : Math.max(0, sick + 1 - downTo),
    callsLostBelow80: lostBelow80,
    refusedHerePercent: (100 * refusedHere) / calls.length,
    refusedByServersPercent: (100 * refusedThere) / calls.length,
  };
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))] ?? Infinity;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Calls come whether or not there is anybody to answer them; goodput is what is well, by what came or by what can be done. */
export const overloadRamp: Study = {
  name: "overload-ramp",
  about:
    "load rises from 10 % of what 5 can do to 300 % and falls back, in 30 s each; they queue half a second's work",
  policies: ["least-request", "default", "all-defaults", "least-request+adaptive", "default+adaptive"],
  affected: [],
  okWithinMs: scenario.limitMs,
  run: async (policy, seed) => {
    const calls: SimulatedCall[] = [];
    const result = await simulate(scenario, {
      policy: { name: policy, service: optionsOf(policy) },
      seed,
      onCall: (call) => {
        calls.push(call);
      },
    });
    return { row: rowOf(result, figures(calls)), timeline: timelineOf(scenario, result) };
  },
};
