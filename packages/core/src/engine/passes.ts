import type { Outcome } from "../events.ts";
import type { Admission, CircuitOutcome } from "../policies/circuit/circuit-types.ts";
import type { Circuit } from "../policies/circuit/circuit.ts";

/** A call's leave to pass the circuits on its way, the service's and the route's; they are told once how it ended. */
export class Passes {
  readonly #circuits: readonly Circuit[];
  #admissions: Admission[] | undefined;
  #askedAt = 0;

  constructor(circuits: readonly Circuit[]) {
    this.#circuits = circuits;
  }

  /** Asks the circuits. @returns undefined when all let it pass, else the milliseconds after which one may */
  ask(now: number): number | undefined {
    this.#askedAt = now;
    const admissions: Admission[] = (this.#admissions = []);
    for (const circuit of this.#circuits) {
      const admission = circuit.admit(now);
      if (!admission.admitted) {
        // The service may have given its probe to a call that the route refuses.
        this.#end("neutral", now, 0);
        return admission.retryAfterMs;
      }
      admissions.push(admission);
    }
    return undefined;
  }

  /** The call goes on after it has waited in this process: that says nothing about the service. */
  resume(now: number): void {
    this.#askedAt = now;
  }

  /**
   * Tells the circuits that were passed how the call ended. Only the first time counts.
   * @param retryAfterMs how long the answer asked to be left alone; 0 for no wish
   */
  tell(outcome: Outcome, status: number, attempts: number, now: number, retryAfterMs = 0): void {
    // A call that sent nothing says nothing about the service, and 429 says something about the caller only.
    const isNeutral = outcome === "ignored" || attempts === 0 || status === 429;
    this.#end(isNeutral ? "neutral" : outcome === "success" ? "success" : "failure", now, retryAfterMs);
  }

  #end(outcome: CircuitOutcome, now: number, retryAfterMs: number): void {
    const admissions = this.#admissions;
    if (admissions === undefined) return;
    this.#admissions = undefined;
    const durationMs = now - this.#askedAt;
    for (let i = 0; i < admissions.length; i++)
      this.#circuits[i]!.record(admissions[i]!, outcome, now, durationMs, retryAfterMs);
  }
}
