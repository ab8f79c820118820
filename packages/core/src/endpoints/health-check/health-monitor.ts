import type { Clock, TimerHandle } from "../../clock.ts";
import type { Random } from "../../random.ts";
import type { ResolvedHealthCheck } from "./health-check-policy.ts";

/** Makes one check. Resolves to what is wrong, or undefined when nothing is; never later than the signal aborts. */
export type RunCheck = (signal: AbortSignal) => Promise<string | undefined>;

/** Hears what the checks of an endpoint say: each time that changes, and of one that is healthy each check that goes well. */
export type HealthListener = (health: "healthy" | "unhealthy", detail: string) => void;

/** Checks one endpoint again and again, and judges it by how several checks in a row went. */
export class HealthMonitor {
  readonly listeners: Set<HealthListener> = new Set();
  /** Undefined until the first check is over. */
  health: "healthy" | "unhealthy" | undefined;
  detail = "";
  readonly #policy: ResolvedHealthCheck;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #run: RunCheck;
  readonly #enter: (check: () => Promise<void>) => void;
  readonly #ended = new AbortController();
  #timer: TimerHandle | undefined;
  /** Checks in a row that went the same way. */
  #streak = 0;
  #wasWell: boolean | undefined;

  /** @param enter runs a check when there is room for one */
  constructor(
    policy: ResolvedHealthCheck,
    clock: Clock,
    random: Random,
    run: RunCheck,
    enter: (check: () => Promise<void>) => void,
  ) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
    this.#run = run;
    this.#enter = enter;
    this.#next();
  }

  /** Ends the checks, also one that is under way. */
  stop(): void {
    this.#ended.abort(new Error("the endpoint is not checked any more"));
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
  }

  #next(): void {
    this.#timer = undefined;
    this.#enter(() => this.#check());
  }

  async #check(): Promise<void> {
    const ended = this.#ended.signal;
    if (ended.aborted) return;
    const { timeoutMs } = this.#policy;
    const late = new AbortController();
    const timer = this.#clock.setTimer(
      () => {
        late.abort(new Error(`no answer within ${timeoutMs} ms`));
      },
      timeoutMs,
      undefined,
      true,
    );
    let trouble: string | undefined;
    try {
      trouble = await this.#run(AbortSignal.any([ended, late.signal]));
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
    } finally {
      this.#clock.clearTimer(timer);
    }
    if (this.#stopped) return;
    if (late.signal.aborted) trouble = `no answer within ${timeoutMs} ms`;
    this.#judge(trouble);
    const { intervalMs, jitter, unhealthyIntervalMs } = this.#policy;
    const isWell = trouble === undefined && this.health === "healthy";
    const pause = (isWell ? intervalMs : unhealthyIntervalMs) * (1 + jitter * (2 * this.#random() - 1));
    this.#timer = this.#clock.setTimer(
      () => {
        this.#next();
      },
      pause,
      undefined,
      true,
    );
  }

  get #stopped(): boolean {
    return this.#ended.signal.aborted;
  }

  #judge(trouble: string | undefined): void {
    const isWell = trouble === undefined;
    this.#streak = this.#wasWell === isWell ? this.#streak + 1 : 1;
    this.#wasWell = isWell;
    const { healthyThreshold, unhealthyThreshold } = this.#policy;
    // Of an endpoint that nobody knows yet the first check is all that there is to go by.
    const isEnough =
      this.health === undefined || this.#streak >= (isWell ? healthyThreshold : unhealthyThreshold);
    const health = isWell ? "healthy" : "unhealthy";
    // One that was healthy all along may have been ejected meanwhile: that it still is must be heard as well.
    if (!isEnough || (this.health === health && !isWell)) return;
    this.health = health;
    this.detail = trouble ?? "";
    for (const listener of this.listeners) listener(health, this.detail);
  }
}
