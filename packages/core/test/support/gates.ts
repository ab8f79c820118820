import type { Endpoint } from "../../src/discovery/source.ts";
import type { AttemptResult } from "../../src/endpoints/attempt-result.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { Gate } from "../../src/endpoints/gate/gate.ts";
import { LoadTable } from "../../src/endpoints/load-table.ts";
import { resolveOutlierDetection } from "../../src/endpoints/outlier/resolve-outlier.ts";
import type { ResolvedSlowStart } from "../../src/endpoints/slow-start.ts";
import { seededRandom } from "../../src/random.ts";
import { endpointStates } from "./balancing.ts";

/** A gate over some endpoints, and what it said. */
export interface TestGate {
  readonly gate: Gate;
  readonly states: readonly EndpointState[];
  readonly table: LoadTable;
  /** `ejected e0 consecutive5xx`, `returned e0 probes`, `skipped e0 latency limit`… */
  readonly said: string[];
  readonly changes: () => number;
  /** Counts an attempt that began and ended now. */
  readonly end: (state: EndpointState, result: AttemptResult, now: number, retryAfterMs?: number) => void;
  /** The same for a probe that was claimed. */
  readonly endProbe: (
    state: EndpointState,
    result: AttemptResult,
    now: number,
    retryAfterMs?: number,
  ) => void;
  readonly claim: (
    now: number,
    mayRepeat?: boolean,
    tried?: readonly EndpointState[],
  ) => EndpointState | undefined;
}

export interface TestGateOptions {
  readonly count?: number;
  readonly outliers?: unknown;
  readonly slowStart?: ResolvedSlowStart | false;
  readonly seed?: number;
  readonly over?: (index: number) => Partial<Endpoint>;
}

export function gateOver(options: TestGateOptions = {}): TestGate {
  const { count = 4, outliers, over, seed = 1, slowStart = false } = options;
  const table = new LoadTable();
  const states = endpointStates(count, table, over);
  const said: string[] = [];
  let changes = 0;
  const gate = new Gate({
    outliers: resolveOutlierDetection(outliers, "outlierDetection"),
    slowStart,
    table,
    random: seededRandom(seed),
    report: {
      ejected: ({ id }, { detector }) => said.push(`ejected ${id} ${detector}`),
      skipped: ({ id }, detector, _, why) => said.push(`skipped ${id} ${detector} ${why}`),
      returned: ({ id }, how) => said.push(`returned ${id} ${how}`),
    },
    onChange: () => {
      changes++;
    },
  });
  for (const state of states) gate.add(state, 0, true);
  const settle =
    (isProbe: boolean) =>
    (state: EndpointState, result: AttemptResult, now: number, retryAfterMs?: number): void => {
      gate.settled(state, state.gate.generation, isProbe, result, retryAfterMs, now);
    };
  return {
    gate,
    states,
    table,
    said,
    changes: () => changes,
    end: settle(false),
    endProbe: settle(true),
    claim: (now, mayRepeat = true, tried) => gate.claimProbe(now, mayRepeat, tried, () => true),
  };
}

function resultOf(over: Partial<AttemptResult>): AttemptResult {
  return {
    outcome: "success",
    status: 200,
    phase: "body",
    timedOut: false,
    isSuperseded: false,
    isAnswered: false,
    latencyMs: 10,
    headers: {},
    ...over,
  };
}

export const answered = (latencyMs = 10): AttemptResult => resultOf({ latencyMs });
export const failedWith = (status: number): AttemptResult =>
  resultOf({ outcome: status === 503 || status === 429 ? "overload" : "failure", status, latencyMs: 1 });
export const refused: AttemptResult = resultOf({
  outcome: "failure",
  status: 0,
  phase: "connect",
  latencyMs: 1,
});
export const neutral: AttemptResult = resultOf({
  outcome: "ignored",
  status: 0,
  phase: "sent",
  latencyMs: 1,
});

/** Fails an endpoint until it is ejected. */
export function eject({ end, said }: TestGate, state: EndpointState, now: number): void {
  for (let i = 0; i < 5; i++) end(state, failedWith(500), now);
  if (!said.some((text) => text.startsWith(`ejected ${state.id}`)))
    throw new Error(`${state.id} was not ejected`);
}
