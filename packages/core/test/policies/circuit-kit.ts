import { Circuit } from "../../src/policies/circuit.ts";
import type { Admission, CircuitListener, CircuitOutcome } from "../../src/policies/circuit.ts";
import { openOpossumWindow } from "../../src/policies/opossum-window.ts";
import type { ResolvedCircuit } from "../../src/policies/policy.ts";
import type { Random } from "../../src/random.ts";

export const circuitPolicy: ResolvedCircuit = Object.freeze({
  failureRatio: 0.5,
  windowMs: 10_000,
  minCalls: 20,
  openMs: 5_000,
  probeTimeoutMs: 3_000,
});

/** A circuit over the real window, with the least jitter unless told otherwise. */
export function newCircuit(
  policy: Partial<ResolvedCircuit> = {},
  listener: CircuitListener = {},
  now = 0,
  random: Random = () => 0,
): Circuit {
  return new Circuit({
    policy: Object.freeze({ ...circuitPolicy, ...policy }),
    random,
    openWindow: openOpossumWindow,
    now,
    ...listener,
  });
}

/** An admission, or an error where the circuit refuses. */
export function admit(circuit: Circuit, now: number): Admission {
  const answer = circuit.admit(now);
  if (!answer.admitted) throw new Error(`refused at ${now}, retry in ${answer.retryAfterMs} ms`);
  return answer;
}

/** Makes `times` calls that complete at once. */
export function call(circuit: Circuit, outcome: CircuitOutcome, now: number, times = 1): void {
  for (let i = 0; i < times; i++) circuit.record(admit(circuit, now), outcome, now);
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
