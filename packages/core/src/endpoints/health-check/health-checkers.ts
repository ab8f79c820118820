import type { Clock } from "../../clock.ts";
import type { Random } from "../../random.ts";
import type { ResolvedHealthCheck } from "./health-check-policy.ts";
import { HealthMonitor } from "./health-monitor.ts";
import type { HealthListener, RunCheck } from "./health-monitor.ts";

/** So many checks are under way at once; the others wait their turn. */
const MAX_IN_FLIGHT = 64;

/** All health checks of a mesh. Whoever uses the same endpoint with the same settings shares one. */
export class HealthCheckers {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #monitors = new Map<string, HealthMonitor>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #inFlight = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Endpoints that are checked. */
  get size(): number {
    return this.#monitors.size;
  }

  /**
   * Has an endpoint checked. The listener hears at once what is known already.
   * @param key the same for everybody whose checks are the same
   * @returns what ends it
   */
  watch(key: string, policy: ResolvedHealthCheck, run: RunCheck, listener: HealthListener): () => void {
    let monitor = this.#monitors.get(key);
    if (monitor === undefined) {
      monitor = new HealthMonitor(policy, this.#clock, this.#random, run, (check) => {
        this.#waiting.push(check);
        this.#proceed();
      });
      this.#monitors.set(key, monitor);
    }
    const { detail, health, listeners } = monitor;
    listeners.add(listener);
    if (health !== undefined) listener(health, detail);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      this.#monitors.get(key)?.stop();
      this.#monitors.delete(key);
    };
  }

  /** Ends all checks. */
  close(): void {
    for (const monitor of this.#monitors.values()) monitor.stop();
    this.#monitors.clear();
    this.#waiting.length = 0;
  }

  #proceed(): void {
    while (this.#inFlight < MAX_IN_FLIGHT) {
      const check = this.#waiting.shift();
      if (check === undefined) return;
      this.#inFlight++;
      void this.#make(check);
    }
  }

  async #make(check: () => Promise<void>): Promise<void> {
    try {
      await check();
    } finally {
      this.#inFlight--;
      this.#proceed();
    }
  }
}
