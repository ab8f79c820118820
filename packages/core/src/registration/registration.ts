import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import { plainText } from "../plain-text.ts";
import type { Random } from "../random.ts";
import { knownKeys, oneOf, optionalText, record, wholeNumber } from "../registry/option-checks.ts";
import { toSourceError } from "../registry/source-error.ts";
import type { SourceError } from "../registry/source-error.ts";
import { Departure, tell } from "./departure.ts";
import type { Leaving } from "./departure.ts";
import type { RegistrationDriver } from "./driver.ts";
import { readMetadata, registrationStatuses, speakable } from "./instance.ts";
import type { RegistrationState, RegistrationStatus, ResolvedInstance } from "./instance.ts";
import { Reconciler } from "./reconciler.ts";
import type { InstanceUpdate } from "./registrar.ts";
import { Wanted } from "./wanted.ts";
import type { InstanceChange } from "./wanted.ts";

/** What a registration stands on. */
export interface RegistrationParts<I extends ResolvedInstance> {
  readonly instance: I;
  readonly host: string;
  readonly makeDriver: (instance: I, host: string, lost: () => void) => RegistrationDriver<I>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Keeps one instance known to its registry, for ever: says it, looks whether it is still so, says it again. */
export class Registration<I extends ResolvedInstance> {
  readonly #parts: RegistrationParts<I>;
  readonly #driver: RegistrationDriver<I>;
  readonly #reconciler: Reconciler;
  #state: RegistrationState = "registering";
  readonly #wanted: Wanted<I>;
  #leaving: Promise<void> | undefined;

  constructor(parts: RegistrationParts<I>) {
    const { instance, host, clock, random } = parts;
    this.#parts = parts;
    this.#driver = parts.makeDriver(instance, host, () => {
      this.#reconciler.hurry();
    });
    const status = speakable(instance.status, this.#driver.statuses);
    this.#wanted = new Wanted({ instance, host, status, note: "" });
    this.#reconciler = new Reconciler({
      clock,
      random,
      periodMs: this.#driver.periodMs,
      apply: async (signal) => {
        await this.#wanted.offer((entry) => this.#driver.apply(entry, signal));
        // One that did not hear of the end comes too late.
        if (this.#leaving === undefined) this.#become("registered", undefined);
      },
      failed: (trouble) => {
        this.#noteTrouble(trouble);
      },
    });
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** The statuses that the registry can say; all of them when `undefined`. */
  get statuses(): readonly RegistrationStatus[] | undefined {
    return this.#driver.statuses;
  }

  /**
   * Registers for the first time, trying for `startTimeoutMs`, then keeps going in the background.
   * @param signal gives up at once: what the registry may have heard is taken back
   * @throws ProxylessError `ERR_PROXYLESS_REGISTRATION` when it could not; `ERR_PROXYLESS_CLOSED` when it was given up
   */
  async start(signal: AbortSignal): Promise<void> {
    const { id, service, startTimeoutMs } = this.#parts.instance;
    const closed = new ProxylessError(
      "ERR_PROXYLESS_CLOSED",
      `instance ${id} of ${service} was told to leave before it was registered`,
      { service },
    );
    const giveUp = (): void => {
      this.#leaving ??= this.#takeBack(closed);
    };
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      if (startTimeoutMs > 0 || signal.aborted) await this.#reconciler.first(startTimeoutMs);
    } catch (error) {
      // Whoever hears that it was given up must not find it listed any more.
      await this.#leaving;
      if (this.#leaving !== undefined) throw closed;
      await this.#letGo();
      throw this.#error("could not be registered", toSourceError(error));
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
    this.#reconciler.keep();
  }

  async setStatus(status: RegistrationStatus, note = ""): Promise<void> {
    const known = oneOf("status", status, this.#driver.statuses ?? registrationStatuses, "up");
    this.#checkOpen();
    this.#wanted.say(known, note);
    await this.#tell(`set to ${known}`);
  }

  async update(change: InstanceUpdate): Promise<void> {
    knownKeys("", record("change", change), ["weight", "version", "metadata"]);
    const { weight, version, metadata } = change;
    const checked: InstanceChange = {
      ...(weight === undefined ? {} : { weight: wholeNumber("weight", weight, 1, 0, 65_535) }),
      ...(version === undefined ? {} : { version: optionalText("version", version) }),
      ...(metadata === undefined ? {} : { metadata: readMetadata(metadata) }),
    };
    this.#checkOpen();
    this.#wanted.change(checked);
    await this.#tell("updated", checked);
  }

  deregister(leaving: Leaving): Promise<void> {
    this.#leaving ??= this.#leave(leaving);
    return this.#leaving;
  }

  async #tell(what: string, change?: InstanceChange): Promise<void> {
    let trouble: SourceError | undefined;
    try {
      await this.#reconciler.now();
    } catch (error) {
      trouble = toSourceError(error);
      this.#reconciler.hurry();
    }
    // An attempt before this one may have met the refusal already.
    const refusal = change === undefined ? undefined : this.#wanted.refusal(change);
    if (refusal !== undefined) throw this.#error(`could not be ${what}`, refusal);
    if (trouble !== undefined) throw this.#error(`could not be ${what} yet`, trouble);
  }

  /** One missed beat is nothing; a lease's worth of them means that the registry has given up on this instance. */
  #noteTrouble(trouble: SourceError): void {
    const isLate = this.#parts.clock.now() - this.#reconciler.okAt >= this.#driver.patienceMs;
    const isRefused = trouble.class === "auth" || trouble.class === "config";
    if (this.#wanted.isRefusal(trouble)) {
      // Whoever updated was told that it would be heard later.
      if (this.#state === "registered") this.#state = "lost";
      this.#say(this.#error("could not be updated", trouble));
      this.#reconciler.hurry();
    } else if (this.#state === "registered" && (isLate || isRefused)) {
      this.#become("lost", this.#error("is no longer kept alive", trouble));
    }
  }

  async #leave(leaving: Leaving): Promise<void> {
    const departure = this.#departure();
    await departure.after(this.#reconciler.stop(this.#closed()));
    const trouble = this.#reconciler.wasAsked ? await departure.announced(leaving) : undefined;
    await this.#end(trouble);
    await tell(leaving.onStep, "deregistered", trouble);
  }

  /** Nobody was told that it is registered, so nobody needs time to hear that it is not. */
  async #takeBack(reason: Error): Promise<void> {
    const departure = this.#departure();
    await departure.after(this.#reconciler.stop(reason));
    await this.#end(this.#reconciler.wasAsked ? await departure.unannounced() : undefined);
  }

  #departure(): Departure<I> {
    return new Departure({
      clock: this.#parts.clock,
      driver: this.#driver,
      entry: () => this.#wanted.entry,
      errorOf: (what, cause) => this.#error(what, toSourceError(cause)),
    });
  }

  async #end(trouble: Error | undefined): Promise<void> {
    this.#become("deregistered", trouble);
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    try {
      await this.#driver.close();
    } catch {
      // It is over either way.
    }
  }

  #become(state: RegistrationState, reason: Error | undefined): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#say(reason);
  }

  #say(reason: Error | undefined): void {
    try {
      this.#parts.instance.onStateChange?.(this.#state, reason);
    } catch {
      // A listener's mistake must not end the registration.
    }
  }

  #checkOpen(): void {
    if (this.#leaving !== undefined) throw this.#closed();
  }

  #closed(): ProxylessError {
    return new ProxylessError("ERR_PROXYLESS_CLOSED", `${this.#parts.instance.id} is deregistered`);
  }

  #error(what: string, trouble: SourceError): ProxylessError {
    const { service, id } = this.#parts.instance;
    return new ProxylessError(
      "ERR_PROXYLESS_REGISTRATION",
      `instance ${id} of ${service} ${what}: ${plainText(trouble.message)}`,
      {
        cause: trouble,
        service,
        retryable: trouble.class === "transient",
        retryAfterMs: trouble.retryAfterMs,
      },
    );
  }
}
