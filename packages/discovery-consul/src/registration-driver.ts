import type { Clock } from "@proxyless/core";
import type { RegistrationDriver, RegistrationStatus, WantedEntry } from "@proxyless/core/discovery";

import type { AgentCalls, CheckStatus } from "./agent-calls.ts";
import type { ResolvedConsulInstance } from "./registration-options.ts";

/** A watch over something that only an agent's restart can break. */
const verifyMs = 10_000;
/** A beat finds out that the entry is gone, but not that somebody wrote over it. */
const lookMs = 60_000;

const checkStatus: Readonly<Record<RegistrationStatus, CheckStatus>> = {
  starting: "critical",
  up: "passing",
  degraded: "warning",
  down: "critical",
  // Maintenance says it; the check must not make it look ill as well.
  "out-of-service": "passing",
};

/** Keeps one instance with one agent: through its check, its registration and its maintenance mode. */
export class ConsulRegistrationDriver implements RegistrationDriver<ResolvedConsulInstance> {
  readonly periodMs: number;
  readonly patienceMs: number;
  readonly statuses?: readonly RegistrationStatus[];
  readonly #calls: AgentCalls;
  readonly #clock: Clock;
  readonly #onClose: () => void;
  #lookedAt = -Infinity;
  /** What the agent was told last; `undefined` until it took one. */
  #told: ResolvedConsulInstance | undefined;
  #isInMaintenance = false;

  constructor(instance: ResolvedConsulInstance, calls: AgentCalls, clock: Clock, onClose: () => void) {
    const { check } = instance;
    this.periodMs = "ttlMs" in check ? check.ttlMs / 3 : verifyMs;
    this.patienceMs = "ttlMs" in check ? check.ttlMs : verifyMs * 3;
    // An HTTP check says the rest.
    if (!("ttlMs" in check)) this.statuses = ["up", "out-of-service"];
    this.#calls = calls;
    this.#clock = clock;
    this.#onClose = onClose;
  }

  async apply(wanted: WantedEntry<ResolvedConsulInstance>, signal: AbortSignal): Promise<void> {
    const { instance, host, status, note } = wanted;
    const { id, check } = instance;
    const said = checkStatus[status];
    const isKnown = this.#told === instance && (await this.#verify(wanted, signal));
    if (!isKnown) {
      if (this.#told === undefined || this.#told === instance) this.#isInMaintenance = false;
      await this.#calls.register(instance, host, said, signal);
      // Consul keeps the old, critical status of a check that it knew before, until it hears from it.
      if ("ttlMs" in check) await this.#calls.beat(id, said, note, signal);
      this.#told = instance;
      this.#lookedAt = this.#clock.now();
    }
    const isOut = status === "out-of-service";
    if (isOut !== this.#isInMaintenance) {
      await this.#calls.maintenance(id, isOut, note, signal);
      this.#isInMaintenance = isOut;
    }
  }

  /** Says how the instance is, where the agent does not ask itself, and looks whether its entry is what it should be. */
  async #verify(wanted: WantedEntry<ResolvedConsulInstance>, signal: AbortSignal): Promise<boolean> {
    const { instance, host, status, note } = wanted;
    if ("ttlMs" in instance.check) {
      if (!(await this.#calls.beat(instance.id, checkStatus[status], note, signal))) return false;
      if (this.#clock.now() - this.#lookedAt < lookMs) return true;
    }
    const isKnown = await this.#calls.isKnown(instance, host, signal);
    this.#lookedAt = this.#clock.now();
    return isKnown;
  }

  drain({ instance }: WantedEntry<ResolvedConsulInstance>, signal: AbortSignal): Promise<boolean> {
    return this.#calls.maintenance(instance.id, true, "shutting down", signal);
  }

  async remove({ instance }: WantedEntry<ResolvedConsulInstance>, signal: AbortSignal): Promise<void> {
    await this.#calls.deregister(instance.id, signal);
  }

  close(): void {
    this.#onClose();
  }
}
