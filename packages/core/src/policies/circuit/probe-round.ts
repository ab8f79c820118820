import type { ResolvedCircuit } from "./circuit-policy.ts";
import type { Admission } from "./circuit-types.ts";

interface Lease {
  readonly admission: Admission;
  readonly end: number;
}

/** 0.1 × 10 must not need two failures because of what floats make of it. */
const epsilon = 1e-9;

/** What the decided probes say: the circuit closes, it opens again, or there have to be more. */
type Verdict = "close" | "open" | undefined;

/**
 * The probes of a half-open circuit. Each is a lease with an end, and one that runs out is a failed probe; only a lease
 * that is still out decides; they are bounded in number and paced.
 */
export class ProbeRound {
  readonly #leases: Lease[] = [];
  #startAt = -Infinity;
  decided = 0;
  failures = 0;
  slow = 0;
  /** Until when the failed probes asked to be left alone. */
  askedUntil: number = -Infinity;

  /** Milliseconds until a probe may start, as far as one can know; 0 when it may. */
  waitMs(policy: ResolvedCircuit, now: number, maxWaitMs: number): number {
    const paceMs = Math.max(0, this.#startAt - now);
    if (this.#leases.length < this.#most(policy)) return paceMs;
    const earliest = this.#leases[this.#earliest()]?.end ?? now;
    return Math.max(paceMs, Math.min(earliest - now, maxWaitMs), 1);
  }

  start(admission: Admission, policy: ResolvedCircuit, now: number): void {
    this.#leases.push({ admission, end: now + policy.probeTimeoutMs });
    this.#startAt = now + policy.probeIntervalMs;
  }

  /** Takes a lease back; `false` when it is not out (any more). */
  end(admission: Admission): boolean {
    const at = this.#leases.findIndex((lease) => lease.admission === admission);
    if (at === -1) return false;
    this.#leases.splice(at, 1);
    return true;
  }

  decide(isFailure: boolean, isSlow: boolean): void {
    this.decided++;
    if (isFailure) this.failures++;
    if (isSlow) this.slow++;
  }

  /** Takes the first lease that ran out as a failed probe. @returns when it ran out; undefined when none did */
  expire(now: number): number | undefined {
    const at = this.#earliest();
    const lease = this.#leases[at];
    if (lease === undefined || now < lease.end) return undefined;
    this.#leases.splice(at, 1);
    this.decide(true, false);
    return lease.end;
  }

  verdict(policy: ResolvedCircuit): Verdict {
    if (this.failures >= failuresToReopen(policy) || this.slow >= slowToReopen(policy)) return "open";
    return this.decided >= policy.probes ? "close" : undefined;
  }

  /** No more than are wanted, and no more than it takes to see that the service is still broken. */
  #most(policy: ResolvedCircuit): number {
    return Math.min(
      policy.probes - this.decided,
      failuresToReopen(policy) - this.failures,
      slowToReopen(policy) - this.slow,
    );
  }

  #earliest(): number {
    let earliest = 0;
    for (let i = 1; i < this.#leases.length; i++)
      if (this.#leases[i]!.end < this.#leases[earliest]!.end) earliest = i;
    return earliest;
  }
}

function failuresToReopen({ failureRatio, probes }: ResolvedCircuit): number {
  return failureRatio === false ? 1 : Math.max(1, Math.ceil(failureRatio * probes - epsilon));
}

function slowToReopen({ probes, slowCallMs, slowCallRatio }: ResolvedCircuit): number {
  return slowCallMs === false ? Infinity : Math.max(1, Math.ceil(slowCallRatio * probes - epsilon));
}
