import type { Outcome } from "../events.ts";
import type { Admission, Circuit } from "../policies/circuit.ts";

/** A call's leave to pass the circuits on its way, the service's and the route's; they are told once how it ended. */
export class Passes {
  readonly #circuits: readonly Circuit[];
  #admissions: Admission[] | undefined;

  constructor(circuits: readonly Circuit[]) {
    this.#circuits = circuits;
  }

  /** Asks the circuits. @returns undefined when all let it pass, else the milliseconds after which one may */
  ask(now: number): number | undefined {
    const admissions: Admission[] = (this.#admissions = []);
    for (const circuit of this.#circuits) {
      const admission = circuit.admit(now);
      if (!admission.admitted) return admission.retryAfterMs;
      admissions.push(admission);
    }
    return undefined;
  }

  /** Tells the circuits that were passed how the call ended. Only the first time counts. */
  tell(outcome: Outcome, status: number, attempts: number, now: number): void {
    const admissions = this.#admissions;
    if (admissions === undefined) return;
    this.#admissions = undefined;
    // A call that sent nothing says nothing about the service, and 429 says something about the caller only.
    const isNeutral = outcome === "ignored" || attempts === 0 || status === 429;
    const result = isNeutral ? "neutral" : outcome === "success" ? "success" : "failure";
    for (let i = 0; i < admissions.length; i++) this.#circuits[i]!.record(admissions[i]!, result, now);
  }
}
