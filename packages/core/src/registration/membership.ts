import { AsyncLocalStorage } from "node:async_hooks";

import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import type { EventHub } from "../event-hub.ts";
import { knownKeys, record, wholeNumber } from "../registry/option-checks.ts";
import { speakable } from "./instance.ts";
import type { RegistrationState, RegistrationStatus, ServiceInstance } from "./instance.ts";
import { LeaveSteps, readinessMs } from "./leave-steps.ts";
import { MembershipEvents } from "./membership-events.ts";
import type { Behaviour } from "./register-options.ts";
import type { DeregisterOptions, InstanceUpdate, Registrar, RegistrationHandle } from "./registrar.ts";
import { StatusWord } from "./status-word.ts";
import { within } from "./within.ts";

/** How to leave. */
export interface LeaveOptions {
  /** In place of the one that was registered with. */
  readonly propagationMs?: number;
  /** Why, for the events. Default: `leave`. */
  readonly reason?: string;
  /** Aborting it ends all waiting: what is left of the delay and of the draining. */
  readonly signal?: AbortSignal;
}

/** A registered instance with a life: health, readiness, and an orderly end. */
export interface MeshRegistration extends RegistrationHandle {
  /**
   * Leaves in the order that loses no call: listed as draining, no longer ready, still serving for the propagation delay,
   * deregistered, drained. Each step is done whatever became of those before, and told by an event. Never rejects for
   * what goes wrong on the way, and may be called again.
   */
  leave(options?: LeaveOptions): Promise<void>;
}

/** What a membership stands on. */
export interface MembershipParts {
  readonly registrar: Registrar;
  readonly instance: ServiceInstance;
  readonly behaviour: Behaviour;
  readonly clock: Clock;
  readonly events: EventHub;
  /** Called once, when it has left or could not be registered. */
  readonly onEnd: (membership: Membership) => void;
}

/** Whose `drain` is running: it may close the mesh, which must not wait for it. */
const draining = new AsyncLocalStorage<Membership>();

/** One instance of this process in one registry, from the first word to the last. */
export class Membership implements MeshRegistration {
  readonly #parts: MembershipParts;
  readonly #events: MembershipEvents;
  readonly #word: StatusWord;
  /** Ends all waiting of the leave. */
  readonly #hurry = new AbortController();
  /** Gives up the registering. */
  readonly #giveUp = new AbortController();
  #handle: RegistrationHandle | undefined;
  #registering: Promise<void> | undefined;
  #deregistering: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;
  #reason = "leave";

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { clock, behaviour, registrar, instance } = parts;
    this.#events = new MembershipEvents(parts.events, {
      service: instance.service,
      registry: registrar.name,
    });
    const say = (status: RegistrationStatus, note: string): Promise<void> => this.#say(status, note);
    this.#word = new StatusWord({ clock, behaviour, say });
  }

  get behaviour(): Behaviour {
    return this.#parts.behaviour;
  }

  get id(): string {
    return this.#known.id;
  }

  get host(): string {
    return this.#known.host;
  }

  get port(): number {
    return this.#known.port;
  }

  get state(): RegistrationState {
    return this.#handle?.state ?? "registering";
  }

  get statuses(): readonly RegistrationStatus[] | undefined {
    return this.#known.statuses;
  }

  /**
   * Registers, then says that it is ready; rejects like the registrar does, with what `readiness` threw, and with
   * `ERR_PROXYLESS_CLOSED` when it had to leave meanwhile.
   */
  async register(): Promise<void> {
    this.#registering ??= this.#register();
    await this.#registering.catch((error: unknown) => {
      if (this.#leaving === undefined) throw error;
    });
    if (this.#leaving !== undefined) {
      const { service } = this.#parts.instance;
      const problem = `${service} was told to leave before it was registered`;
      throw new ProxylessError("ERR_PROXYLESS_CLOSED", problem, { service });
    }
    this.#word.start();
    try {
      const waiting = { clock: this.#parts.clock, ms: readinessMs, stop: this.#hurry.signal };
      await within({ ...waiting, background: false }, () => this.behaviour.readiness?.(true));
    } catch (error) {
      // A service that cannot say that it is ready did not start.
      await this.leave({ propagationMs: 0, reason: "readiness failed" });
      throw error;
    }
  }

  /** With a health function only `out-of-service`, which holds until `up` gives the word back to it. */
  setStatus(status: RegistrationStatus, note = ""): Promise<void> {
    return this.#word.set(status, note);
  }

  update(change: InstanceUpdate): Promise<void> {
    return this.#known.update(change);
  }

  async deregister(options: DeregisterOptions = {}): Promise<void> {
    this.#deregistering ??= this.#handle?.deregister({ ...this.#delay(), ...options });
    try {
      await this.#deregistering;
    } catch (error) {
      // Options that were refused: nothing was begun, and it can still leave.
      this.#deregistering = undefined;
      throw error;
    }
    this.#word.stop();
    if (this.#leaving === undefined) this.#parts.onEnd(this);
  }

  async leave(options: LeaveOptions = {}): Promise<void> {
    knownKeys("", record("options", options), ["propagationMs", "reason", "signal"]);
    const { signal, reason, propagationMs } = options;
    if (propagationMs !== undefined) wholeNumber("propagationMs", propagationMs, 0, 0, 600_000);
    const onAbort = (): void => this.hurry();
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    if (this.#leaving === undefined) {
      this.#reason = reason ?? "leave";
      this.#leaving = this.#leave(propagationMs);
    }
    // Its own `drain` cannot be waited for by what it calls.
    if (draining.getStore() !== this) await this.#leaving;
    signal?.removeEventListener("abort", onAbort);
  }

  /** Whoever leaves does not wait any longer. */
  hurry(): void {
    this.#hurry.abort(new Error("not waited for: it leaves at once"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  get #known(): RegistrationHandle {
    if (this.#handle === undefined) {
      throw new ProxylessError("ERR_PROXYLESS_REGISTRATION", "the instance is not registered yet");
    }
    return this.#handle;
  }

  async #register(): Promise<void> {
    const { registrar, instance, onEnd } = this.#parts;
    const { onStateChange } = instance;
    const hear = (state: RegistrationState, reason: Error | undefined): void => {
      this.#events.state(state, reason);
      onStateChange?.(state, reason);
    };
    try {
      const { signal } = this.#giveUp;
      this.#handle = await registrar.register({ ...instance, onStateChange: hear }, { signal });
    } catch (error) {
      if (this.#leaving === undefined) onEnd(this);
      throw error;
    }
    this.#events.known(this.#handle);
  }

  async #say(status: RegistrationStatus, note: string): Promise<void> {
    const said = speakable(status, this.statuses);
    let isHeard = false;
    try {
      await this.#known.setStatus(said, note);
      isHeard = true;
    } finally {
      if (this.#leaving === undefined) this.#events.status(status, note, isHeard);
    }
  }

  async #leave(propagationMs: number | undefined): Promise<void> {
    const { clock, behaviour, onEnd } = this.#parts;
    const began = clock.now();
    const isRegistered = await this.#registered();
    this.#word.stop();
    const steps = new LeaveSteps({
      clock,
      behaviour,
      hurry: this.#hurry.signal,
      tell: (step, trouble) => {
        this.#events.leaving(step, this.#reason, trouble);
      },
    });
    if (isRegistered) {
      await steps.leaveRegistry((how) => {
        this.#deregistering ??= this.#known.deregister({ ...this.#delay(propagationMs), ...how });
        return this.#deregistering;
      });
    }
    await steps.drain((signal) => draining.run(this, () => behaviour.drain?.(signal)));
    onEnd(this);
    if (isRegistered) this.#events.left(this.#reason, clock.now() - began);
  }

  /** One that is still being registered is not waited for: that is given up, unless it has just come to pass. */
  async #registered(): Promise<boolean> {
    this.#giveUp.abort();
    try {
      await this.#registering;
      return this.#handle !== undefined;
    } catch {
      return false;
    }
  }

  #delay(given = this.#parts.behaviour.propagationMs): { readonly propagationMs?: number } {
    return given === undefined ? {} : { propagationMs: given };
  }
}
