/** What the reference model keeps of one endpoint. */
interface ModelEndpoint {
  readonly id: string;
  isHealthy: boolean;
  /** Failures in a row. */
  run: number;
  circuit: "closed" | "open" | "half-open";
  ejections: number;
  openUntil: number;
  penaltyUntil: number;
  /** Probes in flight. */
  leases: number;
  leaseUntil: number;
  nextProbeAt: number;
  failures: number;
  successes: number;
  refusals: number;
  /** A health check let it back once. */
  isVouchedFor: boolean;
  /** Calls may go there at all. */
  isUsed: boolean;
}

export interface ModelPolicy {
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
  readonly halfOpen: {
    readonly probes: number;
    readonly failures: number;
    readonly successes: number;
    readonly intervalMs: number;
    readonly leaseMs: number;
  };
}

/**
 * What a gate with consecutive 5xx and `Retry-After` is to do, written without any care for speed: everything is worked out anew
 * from the list of endpoints each time.
 */
export class GateModel {
  readonly #policy: ModelPolicy;
  #endpoints: ModelEndpoint[] = [];
  /** In the order in which they were ejected. */
  #ejected: ModelEndpoint[] = [];
  /** In the order in which they asked to be left alone. */
  #penalised: ModelEndpoint[] = [];

  constructor(policy: ModelPolicy) {
    this.#policy = policy;
  }

  add(id: string): void {
    const times = { openUntil: 0, penaltyUntil: 0, leaseUntil: 0, nextProbeAt: 0 };
    const counts = { run: 0, ejections: 0, leases: 0, failures: 0, successes: 0, refusals: 0 };
    const flags = { isHealthy: true, isVouchedFor: false, isUsed: true };
    this.#endpoints.push({ id, circuit: "closed", ...flags, ...times, ...counts });
  }

  remove(id: string): void {
    const gone = this.#get(id);
    for (const list of [this.#endpoints, this.#ejected, this.#penalised]) {
      if (list.includes(gone)) list.splice(list.indexOf(gone), 1);
    }
  }

  /** These may be used, and no others. */
  use(ids: readonly string[]): void {
    for (const endpoint of this.#endpoints) endpoint.isUsed = ids.includes(endpoint.id);
    while (!this.#isWithinLimit(this.out)) {
      const oldest = this.#ejected.find(({ isUsed }) => isUsed);
      if (oldest !== undefined) this.#close(oldest);
      else
        this.#penalised = this.#penalised.toSpliced(
          this.#penalised.findIndex(({ isUsed }) => isUsed),
          1,
        );
    }
  }

  /** Of those that may be used. */
  get out(): number {
    return [...this.#ejected, ...this.#penalised].filter(({ isUsed }) => isUsed).length;
  }

  get open(): readonly string[] {
    return this.#endpoints.filter((endpoint) => this.#isOpen(endpoint)).map(({ id }) => id);
  }

  state(id: string): Pick<ModelEndpoint, "circuit" | "leases" | "ejections"> {
    const { circuit, ejections, leases } = this.#get(id);
    return { circuit, ejections, leases };
  }

  setHealthy(id: string, isHealthy: boolean): void {
    this.#get(id).isHealthy = isHealthy;
  }

  passCheck(id: string): void {
    const endpoint = this.#get(id);
    if (endpoint.circuit === "closed" || endpoint.isVouchedFor) return;
    endpoint.isVouchedFor = true;
    this.#close(endpoint);
  }

  failCheck(id: string): void {
    this.#get(id).isVouchedFor = false;
  }

  settled(id: string, isGood: boolean, retryAfterMs: number, now: number): void {
    const endpoint = this.#get(id);
    if (endpoint.circuit !== "closed") return;
    endpoint.run = isGood ? 0 : endpoint.run + 1;
    if (endpoint.run > 0 && endpoint.run % 5 === 0 && this.#mayTakeOut(endpoint)) {
      this.#penalised = this.#penalised.filter((other) => other !== endpoint);
      this.#ejected.push(endpoint);
      this.#eject(endpoint, retryAfterMs, now);
    } else if (retryAfterMs > 0 && this.#mayTakeOut(endpoint)) {
      const isNews = !this.#penalised.includes(endpoint);
      endpoint.penaltyUntil = Math.max(isNews ? 0 : endpoint.penaltyUntil, now + retryAfterMs);
      if (isNews) this.#penalised.push(endpoint);
    }
  }

  /** Who may be probed now. */
  wanting(now: number): readonly string[] {
    this.#expire(now);
    const { failures, probes } = this.#policy.halfOpen;
    const wanting = this.#ejected.filter((endpoint) => {
      if (!endpoint.isHealthy || !endpoint.isUsed) return false;
      if (endpoint.circuit === "open") return now >= endpoint.openUntil;
      return endpoint.leases < Math.min(probes, failures - endpoint.failures) && now >= endpoint.nextProbeAt;
    });
    return wanting.map(({ id }) => id);
  }

  claimed(id: string, now: number): void {
    const endpoint = this.#get(id);
    endpoint.circuit = "half-open";
    endpoint.leases++;
    endpoint.leaseUntil = now + this.#policy.halfOpen.leaseMs;
    endpoint.nextProbeAt = now + this.#policy.halfOpen.intervalMs;
  }

  /** A probe that was not lost ended. */
  probed(id: string, how: "good" | "bad" | "neutral" | "refused", now: number): void {
    const endpoint = this.#get(id);
    endpoint.leases--;
    if (how === "refused" && ++endpoint.refusals >= 10) this.#close(endpoint);
    if (how === "good" && ++endpoint.successes >= this.#policy.halfOpen.successes) this.#close(endpoint);
    if (how === "bad" && ++endpoint.failures >= this.#policy.halfOpen.failures) this.#eject(endpoint, 0, now);
  }

  tick(now: number): void {
    this.#expire(now);
    this.#penalised = this.#penalised.filter(({ penaltyUntil }) => now < penaltyUntil);
  }

  #expire(now: number): void {
    for (const endpoint of this.#ejected) {
      if (endpoint.leases === 0 || now < endpoint.leaseUntil) continue;
      endpoint.failures += endpoint.leases;
      endpoint.leases = 0;
      if (endpoint.failures >= this.#policy.halfOpen.failures) this.#eject(endpoint, 0, now);
    }
  }

  #eject(endpoint: ModelEndpoint, retryAfterMs: number, now: number): void {
    const { baseEjectionMs, maxEjectionMs } = this.#policy;
    endpoint.ejections++;
    const ejectionMs = Math.min(baseEjectionMs * endpoint.ejections, maxEjectionMs);
    endpoint.openUntil = now + Math.max(ejectionMs, retryAfterMs);
    endpoint.circuit = "open";
    endpoint.run = endpoint.leases = endpoint.penaltyUntil = 0;
    endpoint.failures = endpoint.successes = endpoint.refusals = 0;
  }

  #close(endpoint: ModelEndpoint): void {
    this.#ejected = this.#ejected.filter((other) => other !== endpoint);
    endpoint.circuit = "closed";
    endpoint.run = endpoint.leases = 0;
  }

  #isOpen(endpoint: ModelEndpoint): boolean {
    return endpoint.isHealthy && endpoint.circuit === "closed" && !this.#penalised.includes(endpoint);
  }

  #mayTakeOut(endpoint: ModelEndpoint): boolean {
    if (this.#penalised.includes(endpoint)) return true;
    const others = this.#endpoints.filter(
      (other) => other !== endpoint && other.isUsed && this.#isOpen(other),
    );
    return this.#isWithinLimit(this.out + 1) && (others.length > 0 || !this.#isOpen(endpoint));
  }

  #isWithinLimit(out: number): boolean {
    const count = this.#endpoints.filter(({ isUsed }) => isUsed).length;
    if (out === 0) return true;
    return out < count && (out === 1 || (100 * out) / count <= this.#policy.maxEjectionPercent);
  }

  #get(id: string): ModelEndpoint {
    const found = this.#endpoints.find((endpoint) => endpoint.id === id);
    if (found === undefined) throw new Error(`the model has no ${id}`);
    return found;
  }
}
