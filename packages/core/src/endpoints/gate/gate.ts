import type { Random } from "../../random.ts";
import type { AttemptResult } from "../attempt-result.ts";
import type { EndpointState } from "../endpoint-state.ts";
import { STRIDE } from "../load-table.ts";
import type { LoadTable } from "../load-table.ts";
import { compareEndpoints } from "../outlier/detectors.ts";
import type { Finding } from "../outlier/detectors.ts";
import type { ResolvedOutlierDetection } from "../outlier/outlier-policy.ts";
import { OutlierStats } from "../outlier/outlier-stats.ts";
import type { Detector } from "../outlier/outlier-stats.ts";
import { isSlowAlone } from "../outlier/slow-alone.ts";
import type { ResolvedSlowStart } from "../slow-start.ts";
import { canBePicked, leftAlone } from "./gate-reasons.ts";
import type { ActiveHealth } from "./gate-record.ts";
import type { GateReporter } from "./gate-reporter.ts";
import { Population } from "./population.ts";
import { NO_LOOK_MS, ProbeQueue } from "./probe-queue.ts";
import { WarmUp } from "./warm-up.ts";

export interface GateOptions {
  readonly outliers: ResolvedOutlierDetection | false;
  readonly slowStart: ResolvedSlowStart | false;
  readonly table: LoadTable;
  readonly random: Random;
  readonly report: GateReporter;
  /** Which endpoints may be picked, or how much they weigh, has changed. */
  readonly onChange: () => void;
}

/** `Retry-After` keeps traffic away this long at most, as in Linkerd. */
const MAX_PENALTY_MS = 300_000;

/**
 * The single place that says whether an endpoint of a service may be picked. Registry health, active health, ejection and
 * its half-open end, `Retry-After` and slow start meet here. It owns no timer: `tick` is called about once a second.
 */
export class Gate {
  /** When an endpoint wants a probe next, as far as is known; Infinity when none does. A pick looks at this one number. */
  get probeAt(): number {
    return this.#probes.nextAt;
  }

  readonly #options: GateOptions;
  readonly #population: Population;
  /** The members by their row in the table. */
  readonly #byRow: (EndpointState | undefined)[] = [];
  /** Members with ejections that quiet intervals have not yet made up for. */
  readonly #convicted = new Set<EndpointState>();
  #outliers: ResolvedOutlierDetection | false;
  #stats: OutlierStats | undefined;
  readonly #probes: ProbeQueue;
  readonly #penalised = new Set<EndpointState>();
  readonly #warmUp: WarmUp;
  #intervalEndsAt = -Infinity;

  constructor(options: GateOptions) {
    this.#options = options;
    const { outliers } = options;
    this.#outliers = outliers;
    this.#population = new Population(
      outliers === false ? 0 : outliers.maxEjectionPercent,
      (state) => !this.#isIn(state) || this.#penalised.has(state),
    );
    this.#warmUp = new WarmUp(options.slowStart, options.table);
    this.#stats = outliers === false ? undefined : new OutlierStats(outliers);
    this.#probes = new ProbeQueue(outliers === false ? undefined : outliers.halfOpen, (state, text, now) => {
      this.#reopen(state, text, now, 0);
    });
  }

  /**
   * Takes other policies. What was counted, who is ejected and who warms up stays so; without outlier detection everybody is
   * let back in.
   */
  reconfigure(
    outliers: ResolvedOutlierDetection | false,
    slowStart: ResolvedSlowStart | false,
    now: number,
  ): void {
    this.#outliers = outliers;
    this.#population.limit(outliers === false ? 0 : outliers.maxEjectionPercent);
    this.#probes.update(outliers === false ? undefined : outliers.halfOpen);
    if (outliers === false) {
      this.#stats = undefined;
      this.#convicted.clear();
    } else if (this.#stats !== undefined) this.#stats.update(outliers);
    else {
      this.#stats = new OutlierStats(outliers);
      for (const { offset } of this.#population.members) this.#stats.clear(offset);
    }
    if (this.#warmUp.update(slowStart, now)) this.#options.onChange();
    if (outliers === false) this.#letEverybodyIn(now);
    else this.#keepLimit(now);
  }

  #letEverybodyIn(now: number): void {
    for (const state of this.#population.members) if (!this.#isIn(state)) this.#close(state, "limit", now);
    let isChanged = false;
    for (const state of this.#penalised) isChanged = this.#forgive(state) || isChanged;
    if (isChanged) this.#options.onChange();
  }

  /** Nobody checks an endpoint's health any more. */
  unchecked(state: EndpointState): void {
    state.gate.activeHealth = undefined;
    state.gate.activeDetail = "";
    if (this.#refresh(state)) this.#options.onChange();
  }

  /** How many endpoints are ejected or being probed. */
  get ejected(): number {
    return this.#probes.size;
  }

  /** @param isInitial part of the first list: where all are new nobody is to be spared */
  add(state: EndpointState, now: number, isInitial: boolean): void {
    this.#population.add(state);
    this.#byRow[state.offset / STRIDE] = state;
    this.#stats?.clear(state.offset);
    if (!isInitial) this.#warmUp.begin(state, now);
    this.#refresh(state);
  }

  remove(state: EndpointState, now: number): void {
    this.#population.remove(state);
    this.#byRow[state.offset / STRIDE] = undefined;
    this.#convicted.delete(state);
    this.#probes.remove(state);
    this.#penalised.delete(state);
    this.#warmUp.end(state);
    // Where there is a subset another endpoint may take its place.
    if (!this.#population.isSubset) this.#keepLimit(now);
  }

  /** Says which endpoints calls may go to at all: only these get probes, and the limit of ejections is a part of these. */
  use(used: ReadonlySet<EndpointState>, now: number): void {
    if (this.#population.use(used)) this.#probes.wake();
    this.#keepLimit(now);
  }

  /** What was within the limit among many may be beyond it among few. */
  #keepLimit(now: number): void {
    while (this.#population.isOverLimit) {
      const { oldest } = this.#probes;
      if (oldest !== undefined) this.#close(oldest, "limit", now);
      else {
        const penalised = [...this.#penalised].find(({ gate }) => gate.isUsed);
        if (penalised === undefined) return;
        this.#forgive(penalised);
        this.#options.onChange();
      }
    }
  }

  /** The source says something else of it. */
  update(state: EndpointState, now: number): void {
    this.#probes.wake();
    this.#warmUp.weigh(state, now);
    if (!this.#refresh(state)) return;
    // One that comes up is as cold as one that is new.
    if (state.open) this.#warmUp.begin(state, now);
    this.#options.onChange();
  }

  setWarming(state: EndpointState, warming: boolean): void {
    state.gate.warming = warming;
    if (this.#refresh(state)) this.#options.onChange();
  }

  setActiveHealth(state: EndpointState, health: ActiveHealth, detail: string, now: number): void {
    const record = state.gate;
    const wasDown = record.activeHealth === "unhealthy";
    if (record.activeHealth !== health) this.#probes.wake();
    record.activeHealth = health;
    record.activeDetail = detail;
    // What they have found once they will find again.
    if (health === "unhealthy" && record.ejections > 0) record.ejection.wasVouchedFor = false;
    const outliers = this.#outliers;
    // An endpoint that is slow and never wrong passes every health check: that is what makes it grey. And where calls fail again
    // that a check had let back, checks do not see what is wrong: it would come and go with each of them.
    const unejects = outliers !== false && outliers.successfulHealthCheckUnejects && health === "healthy";
    if (unejects && !this.#isIn(state) && !record.ejection.wasSlow && !record.ejection.wasVouchedFor) {
      record.ejection.wasVouchedFor = true;
      this.#close(state, "health check", now);
    } else {
      if (health === "healthy" && wasDown) this.#warmUp.begin(state, now);
      if (this.#refresh(state)) this.#options.onChange();
    }
  }

  /**
   * An endpoint that is due for a probe, with a lease on it: the attempt must end in `settled` as a probe.
   * @param mayRepeat whether the call can be tried again elsewhere; others are taken only when none such comes
   */
  claimProbe(
    now: number,
    mayRepeat: boolean,
    tried: readonly EndpointState[] | undefined,
    accepts: (state: EndpointState) => boolean,
  ): EndpointState | undefined {
    return this.#probes.claim(now, mayRepeat, tried, accepts);
  }

  /** An attempt that was claimed as a probe is not made after all: its lease is free for another. */
  released(state: EndpointState, generation: number): void {
    if (generation === state.gate.generation && !state.leaving) this.#probes.release(state);
  }

  /** Counts how an attempt ended. `generation` is the circuit's when the attempt began. */
  settled(
    state: EndpointState,
    generation: number,
    isProbe: boolean,
    result: AttemptResult,
    retryAfterMs: number | undefined,
    now: number,
  ): void {
    const record = state.gate;
    this.#probes.counted();
    // What began before the circuit changed says nothing about how things are since.
    if (generation !== record.generation || state.leaving) return;
    if (isProbe) {
      this.#probed(state, result, retryAfterMs, now);
      return;
    }
    // Panic picks reach open circuits as well; only probes decide about those.
    if (!this.#isIn(state)) return;
    this.#warmUp.used(state);
    const stats = this.#stats;
    if (stats === undefined) return;
    const detector = stats.record(state.offset, result);
    if (detector !== undefined) this.#found(state, detector, now, retryAfterMs);
    // An ejection includes the penalty; a finding that is not followed does not.
    if (retryAfterMs !== undefined && retryAfterMs > 0 && this.#isIn(state)) {
      this.#penalise(state, retryAfterMs, now);
    }
  }

  /** Looks after what no call does; about once a second. */
  tick(now: number): void {
    let isChanged = false;
    this.#probes.expire(now);
    for (const state of this.#penalised) {
      if (now >= state.gate.penaltyUntil) isChanged = this.#forgive(state) || isChanged;
    }
    if (this.#warmUp.tick(now) || isChanged) this.#options.onChange();
    const outliers = this.#outliers;
    if (outliers === false || this.#stats === undefined || now < this.#intervalEndsAt) return;
    const isFirst = this.#intervalEndsAt === -Infinity;
    this.#intervalEndsAt = now + outliers.intervalMs;
    if (!isFirst) this.#endInterval(this.#stats, outliers, now);
  }

  #endInterval(stats: OutlierStats, outliers: ResolvedOutlierDetection, now: number): void {
    const inside: EndpointState[] = [];
    for (const row of stats.heard) {
      const state = this.#byRow[row];
      if (state !== undefined && this.#isIn(state)) inside.push(state);
    }
    const findings = compareEndpoints(inside, stats, outliers);
    for (const finding of findings) {
      if (this.#isIn(finding.state)) this.#eject(finding.state, finding, now, 0);
    }
    // A quiet interval makes up for one ejection, if the endpoint was there for all of it.
    for (const state of this.#convicted) {
      if (!this.#isIn(state) || now - state.gate.ejection.returnedAt < outliers.intervalMs) continue;
      if (--state.gate.ejections > 0) continue;
      this.#convicted.delete(state);
      state.gate.ejection.wasVouchedFor = false;
    }
  }

  /** A detector that looks at each answer has seen enough. */
  #found(state: EndpointState, detector: Detector, now: number, retryAfterMs = 0): void {
    const outliers = this.#outliers;
    if (outliers === false) return;
    if (detector === "consecutiveSlow" && !isSlowAlone(state, this.#population.members, this.#stats)) return;
    const policy = outliers[detector];
    const count = policy !== false && "count" in policy ? policy.count : 0;
    this.#eject(
      state,
      { detector, state, text: `${count} ${consecutive[detector] ?? detector}` },
      now,
      retryAfterMs,
    );
  }

  #eject(state: EndpointState, { detector, text }: Finding, now: number, retryAfterMs: number): void {
    const { random, report } = this.#options;
    const outliers = this.#outliers;
    if (outliers === false) return;
    const policy = outliers[detector];
    if (outliers.shadow) report.skipped(state, detector, text, "shadow");
    else if (policy === false || random() * 100 >= policy.enforcing)
      report.skipped(state, detector, text, "enforcing");
    else if (!this.#mayTakeOut(state)) report.skipped(state, detector, text, "limit");
    else {
      const record = state.gate;
      if (!this.#penalised.delete(state)) this.#population.wentOut(state, 1);
      record.ejection.wasSlow = detector === "latency" || detector === "consecutiveSlow";
      this.#takeOut(state, detector, text, now, retryAfterMs);
    }
  }

  #mayTakeOut(state: EndpointState): boolean {
    return this.#penalised.has(state) || this.#population.mayTakeOut(state);
  }

  /** Neither ejected nor waiting for probes. */
  #isIn(state: EndpointState): boolean {
    return state.gate.circuit === "closed";
  }

  #takeOut(
    state: EndpointState,
    detector: Detector | "probe",
    text: string,
    now: number,
    retryAfterMs: number,
  ): void {
    const { random, report } = this.#options;
    const outliers = this.#outliers;
    if (outliers === false) return;
    const record = state.gate;
    record.ejections++;
    this.#convicted.add(state);
    const grown = Math.min(
      outliers.baseEjectionMs * record.ejections,
      Math.max(outliers.baseEjectionMs, outliers.maxEjectionMs),
    );
    // Without jitter every client of a failing endpoint would come back to it at the same moment.
    const ejectionMs = Math.max(grown * (1 + 0.1 * random()), Math.min(retryAfterMs, MAX_PENALTY_MS));
    // One that comes and goes, or fails now and then, would look well more often than not.
    const { ejection } = record;
    if (detector !== "probe") {
      ejection.mayLook = detector in consecutive && record.ejections === 1 && !ejection.wasSlow;
    }
    ejection.cause = text;
    ejection.ejectionMs = ejectionMs;
    record.penaltyUntil = 0;
    this.#probes.open(state, now + ejectionMs, now + Math.max(NO_LOOK_MS, retryAfterMs));
    this.#stats?.clear(state.offset);
    this.#refresh(state);
    report.ejected(state, { detector, text, ejectionMs, ejections: record.ejections });
    this.#options.onChange();
  }

  #reopen(state: EndpointState, text: string, now: number, retryAfterMs: number): void {
    this.#takeOut(state, "probe", text, now, retryAfterMs);
  }

  #probed(
    state: EndpointState,
    { latencyMs, outcome, status }: AttemptResult,
    retryAfterMs: number | undefined,
    now: number,
  ): void {
    const outliers = this.#outliers;
    const typical = this.#stats?.typicalMs ?? 0;
    const limit = outliers === false || outliers.latency === false ? 3 : outliers.latency.ratio;
    const isSlow = state.gate.ejection.wasSlow && typical > 0 && latencyMs > limit * typical;
    if (outcome === "ignored" || status === 429) {
      this.#probes.release(state, now + Math.min(retryAfterMs ?? 0, MAX_PENALTY_MS));
    } else if (outcome !== "success") {
      const what = status === 0 ? "a probe failed" : `a probe was answered with ${status}`;
      if (this.#probes.failed(state, now, retryAfterMs ?? 0))
        this.#reopen(state, what, now, retryAfterMs ?? 0);
    } else if (isSlow) {
      const what = `probes took as long as ${latencyMs.toPrecision(3)} ms`;
      if (this.#probes.slow(state)) this.#reopen(state, what, now, 0);
    } else {
      const isRefusal = status >= 400 && status < 500;
      const isWell = isRefusal ? this.#probes.refused(state) : this.#probes.succeeded(state);
      if (isWell) this.#close(state, "probes", now);
    }
  }

  #close(state: EndpointState, how: "probes" | "health check" | "limit", now: number): void {
    this.#probes.close(state);
    this.#population.wentOut(state, -1);
    state.gate.ejection.returnedAt = now;
    this.#stats?.clear(state.offset);
    this.#warmUp.begin(state, now);
    this.#refresh(state);
    this.#options.report.returned(state, how);
    this.#options.onChange();
  }

  #penalise(state: EndpointState, retryAfterMs: number, now: number): void {
    const { report } = this.#options;
    const outliers = this.#outliers;
    if (outliers === false || !outliers.honorRetryAfter) return;
    const record = state.gate;
    const until = now + Math.min(retryAfterMs, MAX_PENALTY_MS);
    if (outliers.shadow || !this.#mayTakeOut(state)) {
      // One that is overloaded asks for it with each answer.
      if (now < record.unheededUntil) return;
      record.unheededUntil = until;
      report.skipped(state, "retryAfter", leftAlone(until - now), outliers.shadow ? "shadow" : "limit");
      return;
    }
    record.penaltyUntil = Math.max(record.penaltyUntil, until);
    if (!this.#penalised.has(state)) {
      this.#penalised.add(state);
      this.#population.wentOut(state, 1);
    }
    if (this.#refresh(state)) this.#options.onChange();
  }

  /** Ends a penalty. @returns whether the endpoint may be picked again */
  #forgive(state: EndpointState): boolean {
    this.#penalised.delete(state);
    this.#population.wentOut(state, -1);
    state.gate.penaltyUntil = 0;
    return this.#refresh(state);
  }

  /** @returns whether it may now be picked where it could not be, or the other way round */
  #refresh(state: EndpointState): boolean {
    const { table } = this.#options;
    const isClosed = !canBePicked(state, this.#penalised.has(state));
    if (table.isClosed(state.offset) === isClosed) return false;
    table.setClosed(state.offset, isClosed);
    this.#population.opened(state, isClosed ? -1 : 1);
    return true;
  }
}

const consecutive: Readonly<Partial<Record<Detector, string>>> = {
  consecutive5xx: "consecutive 5xx",
  consecutiveGatewayFailure: "consecutive gateway failures",
  consecutiveLocalOriginFailure: "consecutive local-origin failures",
  consecutiveSlow: "consecutive slow answers",
};
