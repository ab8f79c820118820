import { rounded } from "@proxyless/dashboard/feed";
import type { CircuitStateView, HedgingStateView, LimitsStateView } from "@proxyless/dashboard/feed";

import { grouped, sum, whoOf } from "./agreement.ts";
import type { Said } from "./agreement.ts";

/** A circuit for each route; where workers differ, one for each of the states, with who is in it. */
export function mergeCircuits(
  said: readonly Said<readonly CircuitStateView[]>[],
): readonly CircuitStateView[] {
  return [...grouped(each(said), ({ route }) => route)].flatMap(([route, ofRoute]) => {
    const states = [...grouped(ofRoute, ({ mode, state }) => `${mode} ${state}`).values()];
    return states.map((alike) => {
      const names = whoOf(
        alike.map(([worker]) => worker),
        ofRoute.length,
      );
      return mergeCircuit(
        names === "" ? route : `${route ?? "service"} (${names})`,
        alike.map(([, circuit]) => circuit),
      );
    });
  });
}

function mergeCircuit(route: string | undefined, circuits: readonly CircuitStateView[]): CircuitStateView {
  const total = (key: "calls" | "failures" | "slow" | "refused"): number =>
    sum(circuits.map((circuit) => circuit[key]));
  const [{ mode, state } = { mode: "", state: "" }] = circuits;
  const [calls, failures] = [total("calls"), total("failures")];
  return {
    route,
    mode,
    state,
    calls,
    failures,
    slow: total("slow"),
    failureRatio: calls === 0 ? 0 : rounded(failures / calls, 1e3),
    refused: total("refused"),
    openForMs: Math.max(...circuits.map(({ openForMs }) => openForMs)),
  };
}

/** What is limited is limited in each worker: together they let through the sum. */
export function mergeLimits(said: readonly Said<readonly LimitsStateView[]>[]): readonly LimitsStateView[] {
  return Array.from(grouped(each(said), ({ route }) => route).values(), (alike) =>
    alike.map(([, limits]) => limits).reduce(mergeLimit),
  );
}

function mergeLimit(one: LimitsStateView, other: LimitsStateView): LimitsStateView {
  return {
    ...one,
    ...other,
    ...both(one.rateLimit, other.rateLimit, (a, b) => ({
      rateLimit: {
        ...added(a, b, ["tokensPerSecond", "keys", "queued"]),
        ...both(a.tokens, b.tokens, (left, right) => ({ tokens: rounded(left + right, 100) })),
      },
    })),
    ...both(one.bulkhead, other.bulkhead, (a, b) => ({
      bulkhead: added(a, b, ["maxConcurrent", "inFlight", "queued"]),
    })),
    ...both(one.adaptiveConcurrency, other.adaptiveConcurrency, (a, b) => ({
      adaptiveConcurrency: {
        ...added(a, b, ["limit", "inFlight", "queued"]),
        pressure: Math.max(a.pressure, b.pressure),
      },
    })),
    ...both(one.adaptiveThrottling, other.adaptiveThrottling, (a, b) => ({
      adaptiveThrottling: { levels: highest(a.levels, b.levels) },
    })),
  };
}

type Levels = NonNullable<LimitsStateView["adaptiveThrottling"]>["levels"];

function highest(one: Levels, other: Levels): Levels {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  const of = (levels: Levels, name: string): number => levels[name]?.rejection ?? 0;
  return Object.fromEntries(
    Array.from(names, (name) => [name, { rejection: Math.max(of(one, name), of(other, name)) }]),
  );
}

/** The last of the hedges' waits is what the slowest worker waits. */
export function mergeHedging(
  said: readonly Said<readonly HedgingStateView[]>[],
): readonly HedgingStateView[] {
  return Array.from(
    grouped(each(said), ({ route }) => route),
    ([route, alike]) => {
      const all = alike.map(([, hedging]) => hedging);
      const delays = all.flatMap(({ delayMs }) => (delayMs === undefined ? [] : [delayMs]));
      return {
        route,
        delayMs: delays.length === 0 ? undefined : Math.max(...delays),
        hedges: sum(all.map(({ hedges }) => hedges)),
        late: sum(all.map(({ late }) => late)),
        isServiceSlow: all.some(({ isServiceSlow }) => isServiceSlow),
      };
    },
  );
}

function each<T>(said: readonly Said<readonly T[]>[]): readonly Said<T>[] {
  return said.flatMap(([worker, values]) => values.map((value): Said<T> => [worker, value]));
}

function both<T, R>(one: T | undefined, other: T | undefined, merge: (one: T, other: T) => R): R | undefined {
  return one === undefined || other === undefined ? undefined : merge(one, other);
}

/** The first with the sums of some numbers of both. */
function added<K extends string, T extends Readonly<Record<K, number>>>(
  one: T,
  other: T,
  keys: readonly K[],
): T {
  return { ...one, ...Object.fromEntries(keys.map((key) => [key, rounded(one[key] + other[key], 100)])) };
}
