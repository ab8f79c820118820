import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import type { Random } from "../random.ts";
import { Backoff } from "../registry/backoff.ts";
import { knownKeys, oneOf, optionalText, record, wholeNumber } from "../registry/option-checks.ts";
import { toSourceError } from "../registry/source-error.ts";
import type { SourceError } from "../registry/source-error.ts";
import { Budget } from "./budget.ts";
import type { RegistrationDriver, WantedEntry } from "./driver.ts";
import { readMetadata, registrationStatuses, speakable } from "./instance.ts";
import type { RegistrationState, RegistrationStatus, ResolvedInstance } from "./instance.ts";
import type { DeregisterOptions, DeregisterStep, InstanceUpdate } from "./registrar.ts";
import { sleepAwake } from "./sleep-awake.ts";

/** What a registration stands on. */
export interface RegistrationParts<I extends ResolvedInstance> {
  readonly instance: I;
  readonly host: string;
  readonly makeDriver: (instance: I, host: string, lost: () => void) => RegistrationDriver<I>;
  readonly clock: Clock;
  readonly random: Random;
}

/** How to leave. */
export interface Leaving {
  readonly propagationMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onStep: DeregisterOptions["onStep"];
}

/** The most that leaving may take beside the propagation delay. */
const leaveMs = 5000;

/** Keeps one instance known to its registry, for ever: says it, looks whether it is still so, says it again. */
export class Registration<I extends ResolvedInstance> {
  readonly #parts: RegistrationParts<I>;
  readonly #driver: RegistrationDriver<I>;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #wake = new AbortController();
  #state: RegistrationState = "registering";
  #wanted: WantedEntry<I>;
  #isUrgent = false;
  /** The registry was asked at least once, so it may know the instance even if it never said so. */
  #wasAsked = false;
  #okAt = -Infinity;
  #loop: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();
  #leaving: Promise<void> | undefined;

  constructor(parts: RegistrationParts<I>) {
    const { instance, host } = parts;
    this.#parts = parts;
    this.#driver = parts.makeDriver(instance, host, () => {
      this.#hurry();
    });
    const status = speakable(instance.status, this.#driver.statuses);
    this.#wanted = { instance, host, status, note: "" };
    this.#backoff = new Backoff(100, this.#driver.periodMs);
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** The statuses that the registry can say; all of them when `undefined`. */
  get statuses(): readonly RegistrationStatus[] | undefined {
    return this.#driver.statuses;
  }

  /** Registers for the first time, trying for `startTimeoutMs`, then keeps going in the background. */
  async start(): Promise<void> {
    const { instance, clock, random } = this.#parts;
    const end = clock.now() + instance.startTimeoutMs;
    while (instance.startTimeoutMs > 0) {
      try {
        // eslint-disable-next-line no-await-in-loop -- one attempt after the other
        await this.#reconcile();
        break;
      } catch (error) {
        const trouble = toSourceError(error);
        const delay = this.#backoff.failed(clock.now(), random, trouble.retryAfterMs);
        const isHopeless = trouble.class === "config" || trouble.class === "auth";
        if (isHopeless || clock.now() + delay >= end) {
          // eslint-disable-next-line no-await-in-loop -- the end
          await this.#letGo();
          throw this.#error("could not be registered", trouble);
        }
        // eslint-disable-next-line no-await-in-loop -- as above
        await sleep(clock, delay);
      }
    }
    this.#loop = this.#keep();
  }

  async setStatus(status: RegistrationStatus, note = ""): Promise<void> {
    const known = oneOf("status", status, this.#driver.statuses ?? registrationStatuses, "up");
    await this.#want({ status: known, note }, `set to ${known}`);
  }

  async update(change: InstanceUpdate): Promise<void> {
    knownKeys("", record("change", change), ["weight", "version", "metadata"]);
    const { instance } = this.#wanted;
    const version = optionalText("version", change.version) ?? instance.version;
    const weight = wholeNumber("weight", change.weight, instance.weight, 0, 65_535);
    const metadata = change.metadata === undefined ? instance.metadata : readMetadata(change.metadata);
    await this.#want({ instance: { ...instance, version, weight, metadata } }, "updated");
  }

  deregister(leaving: Leaving): Promise<void> {
    this.#leaving ??= this.#leave(leaving);
    return this.#leaving;
  }

  async #want(change: Partial<WantedEntry<I>>, what: string): Promise<void> {
    if (this.#leaving !== undefined) {
      throw new ProxylessError("ERR_PROXYLESS_CLOSED", `${this.#parts.instance.id} is deregistered`);
    }
    const before = this.#wanted;
    const wanted = { ...before, ...change };
    this.#wanted = wanted;
    try {
      await this.#reconcile();
    } catch (error) {
      const trouble = toSourceError(error);
      // What the registry can never take is not wanted any more; anything else is tried until it has heard it.
      if (trouble.class === "config" && this.#wanted === wanted) this.#wanted = before;
      this.#hurry();
      throw this.#error(`could not be ${what} yet`, trouble);
    }
  }

  #hurry(): void {
    this.#isUrgent = true;
    this.#wake.abort();
  }

  async #keep(): Promise<void> {
    const { clock, random } = this.#parts;
    const { signal } = this.#stop;
    const { periodMs } = this.#driver;
    let delay = this.#state === "registered" ? periodMs : 0;
    while (!signal.aborted) {
      // eslint-disable-next-line no-await-in-loop -- the loop is the registration
      await this.#pause(delay);
      if (signal.aborted) return;
      try {
        // eslint-disable-next-line no-await-in-loop -- as above
        await this.#reconcile();
        // Spread, so that a fleet that started together does not beat together.
        delay = periodMs * (0.8 + 0.2 * random());
      } catch (error) {
        if (signal.aborted) return;
        const trouble = toSourceError(error);
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

  async #apply(): Promise<void> {
    this.#isUrgent = false;
    this.#wasAsked = true;
    await this.#driver.apply(this.#wanted, this.#stop.signal);
    this.#okAt = this.#parts.clock.now();
    this.#backoff.succeeded(this.#okAt);
    this.#become("registered", undefined);
  }

  /** One missed beat is nothing; a lease's worth of them means that the registry has given up on this instance. */
  #noteTrouble(trouble: SourceError): void {
    const isLate = this.#parts.clock.now() - this.#okAt >= this.#driver.patienceMs;
    const isRefused = trouble.class === "auth" || trouble.class === "config";
    if (this.#state === "registered" && (isLate || isRefused)) {
      this.#become("lost", this.#error("is no longer kept alive", trouble));
    }
  }

  async #leave({ propagationMs, signal, onStep }: Leaving): Promise<void> {
    const { clock } = this.#parts;
    this.#stop.abort();
    this.#wake.abort();
    const budget = new Budget(clock, leaveMs);
    // What comes before the removal has half of it: an entry that is removed need not have been marked.
    const firstHalf = new Budget(clock, leaveMs / 2);
    const over = (): Promise<unknown> => Promise.all([this.#loop, this.#turn]);
    await budget.spend(() => firstHalf.spend(over)).catch(() => undefined);
    const told = async (step: DeregisterStep, reason?: Error): Promise<void> => {
      try {
        await onStep?.(step, reason);
      } catch {
        // A listener's mistake must not keep the instance listed.
      }
    };
    let trouble: Error | undefined;
    if (this.#wasAsked) {
      let isListed = false;
      let unmarked: Error | undefined;
      try {
        isListed = await budget.spend(() => firstHalf.spend((end) => this.#driver.drain(this.#wanted, end)));
      } catch (error) {
        unmarked = this.#error("could not be listed as draining", toSourceError(error));
      }
      await told("draining", unmarked);
      // Nobody can be told to go elsewhere where nothing is listed.
      if (isListed && propagationMs > 0) await sleep(clock, propagationMs, signal).catch(() => undefined);
      await told("propagated");
      try {
        await budget.spend((end) => this.#driver.remove(this.#wanted, end));
      } catch (error) {
        // Leaving must not hold anyone up: the entry runs out by itself.
        trouble = this.#error("could not be deregistered and will be forgotten later", toSourceError(error));
      }
    }
    this.#become("deregistered", trouble);
    await this.#letGo();
    await told("deregistered", trouble);
  }

  async #letGo(): Promise<void> {
    try {
      await this.#driver.close();
    } catch {
      // It is over either way.
    }
  }

  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController();
    if (this.#stop.signal.aborted || this.#isUrgent) return;
    // In the background: a process that has nothing left to serve may end.
    await sleepAwake(this.#parts.clock, ms, this.#wake.signal);
  }

  #become(state: RegistrationState, reason: Error | undefined): void {
    if (state === this.#state) return;
    this.#state = state;
    try {
      this.#parts.instance.onStateChange?.(state, reason);
    } catch {
      // A listener's mistake must not end the registration.
    }
  }

  #error(what: string, trouble: SourceError): ProxylessError {
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
