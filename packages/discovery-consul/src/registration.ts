import { configError, ProxylessError, sleep } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";

import type { AgentCalls, CheckStatus } from "./agent-calls.ts";
import { Backoff } from "./backoff.ts";
import { toConsulError } from "./consul-error.ts";
import type { ConsulError } from "./consul-error.ts";
import { oneOf } from "./option-checks.ts";
import type { ConsulRegistrationState, ConsulStatus, ResolvedRegistration } from "./registration-options.ts";

/** What a registration stands on. */
export interface RegistrationParts {
  readonly instance: ResolvedRegistration;
  readonly host: string;
  readonly calls: AgentCalls;
  readonly clock: Clock;
  readonly random: Random;
  /** Called once when everything is over. */
  readonly onEnd: () => void;
}

/** A watch over something that only an agent's restart can break. */
const verifyMs = 10_000;
/** The most that leaving may take beside the propagation delay. */
const leaveMs = 5000;

const checkStatus: Readonly<Record<ConsulStatus, CheckStatus>> = {
  up: "passing",
  degraded: "warning",
  down: "critical",
  // Maintenance says it; the check must not make it look ill as well.
  "out-of-service": "passing",
};

/** Keeps one instance known to its agent, for ever: says it, looks whether it is still so, says it again. */
export class Registration {
  readonly #parts: RegistrationParts;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #wake = new AbortController();
  #state: ConsulRegistrationState = "registering";
  #status: ConsulStatus = "up";
  #note = "";
  #isInMaintenance = false;
  #isUrgent = false;
  /** Consul was asked at least once, so it may know the instance even if it never said so. */
  #wasAsked = false;
  #okAt = -Infinity;
  #loop: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();
  #leaving: Promise<void> | undefined;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(100, this.#periodMs);
  }

  get state(): ConsulRegistrationState {
    return this.#state;
  }

  /** Registers for the first time, trying for `startTimeoutMs`, then keeps going in the background. */
  async start(): Promise<void> {
    const { instance, clock, random } = this.#parts;
    const end = clock.now() + instance.startTimeoutMs;
    for (;;) {
      if (instance.startTimeoutMs === 0) break;
      try {
        // eslint-disable-next-line no-await-in-loop -- one attempt after the other
        await this.#reconcile();
        break;
      } catch (error) {
        const trouble = toConsulError(error);
        const delay = this.#backoff.failed(clock.now(), random, trouble.retryAfterMs);
        const isHopeless = trouble.class === "config" || trouble.class === "auth";
        if (isHopeless || clock.now() + delay >= end) {
          this.#parts.onEnd();
          throw this.#error("could not be registered", trouble);
        }
        // eslint-disable-next-line no-await-in-loop -- as above
        await sleep(clock, delay);
      }
    }
    this.#loop = this.#keep();
  }

  async setStatus(status: ConsulStatus, note = ""): Promise<void> {
    const known = oneOf("status", status, ["up", "degraded", "down", "out-of-service"], "up");
    const isOwnWord = known === "up" || known === "out-of-service";
    if (!("ttlMs" in this.#parts.instance.check) && !isOwnWord) {
      throw configError("status", "up or out-of-service, because an HTTP check says the rest", status);
    }
    if (this.#leaving !== undefined) {
      throw new ProxylessError("ERR_PROXYLESS_CLOSED", `${this.#parts.instance.id} is deregistered`);
    }
    this.#status = known;
    this.#note = note;
    try {
      await this.#reconcile();
    } catch (error) {
      // The wish stays: the loop goes on until Consul has heard it.
      this.#isUrgent = true;
      this.#wake.abort();
      throw this.#error(`could not be set to ${known} yet`, toConsulError(error));
    }
  }

  deregister(propagationMs: number): Promise<void> {
    this.#leaving ??= this.#leave(propagationMs);
    return this.#leaving;
  }

  get #periodMs(): number {
    const { check } = this.#parts.instance;
    return "ttlMs" in check ? check.ttlMs / 3 : verifyMs;
  }

  async #keep(): Promise<void> {
    const { clock, random } = this.#parts;
    const { signal } = this.#stop;
    let delay = this.#state === "registered" ? this.#periodMs : 0;
    while (!signal.aborted) {
      // eslint-disable-next-line no-await-in-loop -- the loop is the registration
      await this.#pause(delay);
      if (signal.aborted) return;
      try {
        // eslint-disable-next-line no-await-in-loop -- as above
        await this.#reconcile();
        // Spread, so that a fleet that started together does not beat together.
        delay = this.#periodMs * (0.8 + 0.2 * random());
      } catch (error) {
        if (signal.aborted) return;
        const trouble = toConsulError(error);
        delay = this.#backoff.failed(clock.now(), random, trouble.retryAfterMs);
        this.#noteTrouble(trouble);
      }
    }
  }

  /** One at a time: two that overlap could register twice, or leave the older status behind. */
  #reconcile(): Promise<void> {
    const turn = this.#turn.then(() => this.#apply());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Makes the agent's view what it should be, whatever it is now. */
  async #apply(): Promise<void> {
    const { instance, host, calls, clock } = this.#parts;
    const { signal } = this.#stop;
    const { id } = instance;
    const status = checkStatus[this.#status];
    this.#isUrgent = false;
    const isKnown =
      this.#okAt !== -Infinity &&
      ("ttlMs" in instance.check
        ? await calls.beat(id, status, this.#note, signal)
        : await calls.isKnown(id, signal));
    if (!isKnown) {
      this.#isInMaintenance = false;
      this.#wasAsked = true;
      await calls.register(instance, host, status, signal);
      // Consul keeps the old, critical status of a check that it knew before, until it hears from it.
      if ("ttlMs" in instance.check) await calls.beat(id, status, this.#note, signal);
    }
    const wanted = this.#status === "out-of-service";
    if (wanted !== this.#isInMaintenance) {
      await calls.maintenance(id, wanted, this.#note, signal);
      this.#isInMaintenance = wanted;
    }
    this.#okAt = clock.now();
    this.#backoff.succeeded(this.#okAt);
    this.#become("registered", undefined);
  }

  /** One missed beat is nothing; a missed check's worth of them means that Consul has given up on this instance. */
  #noteTrouble(trouble: ConsulError): void {
    const { instance, clock } = this.#parts;
    const patience = "ttlMs" in instance.check ? instance.check.ttlMs : verifyMs * 3;
    const isLate = clock.now() - this.#okAt >= patience;
    const isRefused = trouble.class === "auth" || trouble.class === "config";
    if (this.#state === "registered" && (isLate || isRefused)) {
      this.#become("lost", this.#error("is no longer kept alive", trouble));
    }
  }

  async #leave(propagationMs: number): Promise<void> {
    const { instance, calls, clock } = this.#parts;
    this.#stop.abort();
    this.#wake.abort();
    await this.#loop;
    await this.#turn;
    const budget = new AbortController();
    const timer = clock.setTimer(() => budget.abort(), leaveMs + propagationMs, undefined);
    let trouble: Error | undefined;
    try {
      if (this.#wasAsked) {
        const isListed = await calls
          .maintenance(instance.id, true, "shutting down", budget.signal)
          .catch(() => false);
        // Nobody can be told to go elsewhere where nothing is listed.
        if (isListed && propagationMs > 0) await sleep(clock, propagationMs, budget.signal);
        await calls.deregister(instance.id, budget.signal);
      }
    } catch (error) {
      // Leaving must not hold anyone up: the check runs out by itself.
      trouble = this.#error("could not be deregistered and will be forgotten later", toConsulError(error));
    } finally {
      clock.clearTimer(timer);
      this.#become("deregistered", trouble);
      this.#parts.onEnd();
    }
  }

  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController();
    if (ms === 0 || this.#stop.signal.aborted || this.#isUrgent) return;
    // In the background: a process that has nothing left to serve may end.
    await sleep(this.#parts.clock, ms, this.#wake.signal, true).catch(() => undefined);
  }

  #become(state: ConsulRegistrationState, reason: Error | undefined): void {
    if (state === this.#state) return;
    this.#state = state;
    try {
      this.#parts.instance.onStateChange?.(state, reason);
    } catch {
      // A listener's mistake must not end the registration.
    }
  }

  #error(what: string, trouble: ConsulError): ProxylessError {
    const { service, id } = this.#parts.instance;
    return new ProxylessError(
      "ERR_PROXYLESS_REGISTRATION",
      `instance ${id} of ${service} ${what}: ${trouble.message}`,
      {
        cause: trouble,
        service,
        retryable: trouble.class === "transient",
        retryAfterMs: trouble.retryAfterMs,
      },
    );
  }
}
