import type { CircuitEngine, ResolvedCircuit } from "../../../src/policies/circuit/circuit-policy.ts";
import type { CircuitImport } from "../../../src/policies/circuit/circuit-snapshot.ts";
import type {
  Admission,
  CircuitListener,
  CircuitOutcome,
} from "../../../src/policies/circuit/circuit-types.ts";
import { Circuit } from "../../../src/policies/circuit/circuit.ts";
import type { Random } from "../../../src/random.ts";

export const bothEngines: readonly CircuitEngine[] = ["opossum", "native"];

export const circuitPolicy: ResolvedCircuit = Object.freeze({
  engine: "opossum",
  mode: "auto",
  failureRatio: 0.5,
  windowMs: 10_000,
  windowCalls: undefined,
  minCalls: 20,
  consecutiveFailures: false,
  slowCallMs: false,
  slowCallRatio: 0.5,
  openMs: 5_000,
  maxOpenMs: 50_000,
  openGrowth: 2,
  openJitter: 0.2,
  probes: 1,
  probeIntervalMs: 0,
  probeTimeoutMs: 3_000,
});

export function policyOf(policy: Partial<ResolvedCircuit>): ResolvedCircuit {
  return Object.freeze({ ...circuitPolicy, ...policy });
}

/** A circuit with the least jitter unless told otherwise. */
export function newCircuit(
  policy: Partial<ResolvedCircuit> = {},
  listener: CircuitListener = {},
  now = 0,
  random: Random = () => 0,
  taken?: CircuitImport,
): Circuit {
  return new Circuit({ policy: policyOf(policy), random, now, import: taken, ...listener });
}

/** An admission, or an error where the circuit refuses. */
export function admit(circuit: Circuit, now: number): Admission {
  const answer = circuit.admit(now);
  if (!answer.admitted) throw new Error(`refused at ${now}, retry in ${answer.retryAfterMs} ms`);
  return answer;
}

/** Makes `times` calls that complete at once, though they may say that they took longer. */
export function call(
  circuit: Circuit,
  outcome: CircuitOutcome,
  now: number,
  times = 1,
  durationMs = 0,
): void {
  for (let i = 0; i < times; i++) circuit.record(admit(circuit, now), outcome, now, durationMs);
}

/** A circuit that has just opened at `now`. */
export function openCircuit(
  now: number,
  policy: Partial<ResolvedCircuit> = {},
  listener: CircuitListener = {},
): Circuit {
  const circuit = newCircuit(policy, listener, now);
  call(circuit, "failure", now, policy.minCalls ?? circuitPolicy.minCalls);
  return circuit;
}

/** The same with one engine, for tests that hold for each. */
export function withEngine(engine: CircuitEngine): {
  readonly newCircuit: typeof newCircuit;
  readonly openCircuit: typeof openCircuit;
} {
  return {
    newCircuit: (policy, ...rest) => newCircuit({ engine, ...policy }, ...rest),
    openCircuit: (now, policy, listener) => openCircuit(now, { engine, ...policy }, listener),
  };
}
