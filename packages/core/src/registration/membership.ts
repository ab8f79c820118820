import { AsyncLocalStorage } from "node:async_hooks";

import type { Clock } from "../clock.ts";
import { hostPort } from "../discovery/host.ts";
import { configError, ProxylessError } from "../errors.ts";
import type { EventHub, LeaveStep } from "../events.ts";
import { knownKeys, record, wholeNumber } from "../registry/option-checks.ts";
import { HealthPoll } from "./health-poll.ts";
import { speakable } from "./instance.ts";
import type { RegistrationState, RegistrationStatus, ServiceInstance } from "./instance.ts";
import { LeaveSteps, readinessMs } from "./leave-steps.ts";
import type { Behaviour } from "./register-options.ts";
import type { DeregisterOptions, InstanceUpdate, Registrar, RegistrationHandle } from "./registrar.ts";
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
  readonly #poll: HealthPoll | undefined;
  /** Ends all waiting of the leave. */
  readonly #hurry = new AbortController();
  #handle: RegistrationHandle | undefined;
  #isOut = false;
  #registering: Promise<void> | undefined;
  #deregistering: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;
  #reason = "leave";

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { clock, behaviour } = parts;
    const { health, healthIntervalMs: intervalMs, healthTimeoutMs: timeoutMs } = behaviour;
    const tell = (status: RegistrationStatus, note: string): void => {
      if (!this.#isOut) void this.#say(status, note).catch(() => undefined);
    };
    this.#poll =
      health === undefined ? undefined : new HealthPoll({ clock, health, intervalMs, timeoutMs, tell });
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

  /** Registers, then says that it is ready; rejects like the registrar does, and with what `readiness` threw. */
  async register(): Promise<void> {
    this.#registering ??= this.#register();
    await this.#registering;
    if (this.#leaving !== undefined) return;
    this.#poll?.start();
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
  async setStatus(status: RegistrationStatus, note = ""): Promise<void> {
    if (this.#poll === undefined) return this.#say(status, note);
    if (status !== "out-of-service" && status !== "up") {
      throw configError("status", "out-of-service or up, because health says the rest", status);
    }
    this.#isOut = status === "out-of-service";
    const last = this.#poll.last ?? { status: "starting", note: "" };
    return this.#isOut ? this.#say(status, note) : this.#say(last.status, last.note);
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
    this.#poll?.stop();
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
    // What the registrar says before it gives the handle is told when there is one: an event has an id.
    let early: (() => void)[] | undefined = [];
    const hear = (state: RegistrationState, reason: Error | undefined): void => {
      const tell = (): void => this.#heard(state, reason);
      if (early === undefined) tell();
      else early.push(tell);
      onStateChange?.(state, reason);
    };
    try {
      this.#handle = await registrar.register({ ...instance, onStateChange: hear });
    } catch (error) {
      onEnd(this);
      throw error;
    }
    for (const tell of early) tell();
    early = undefined;
  }

  #heard(state: RegistrationState, reason: Error | undefined): void {
    const { events } = this.#parts;
    if (state === "registered" && events.wants("registration.registered")) {
      const endpoint = hostPort(this.host, this.port);
      events.emit({ type: "registration.registered", ...this.#whose, endpoint });
    } else if (state === "lost" && events.wants("registration.lost")) {
      events.emit({ type: "registration.lost", ...this.#whose, reason: messageOf(reason) });
    }
  }

  async #say(status: RegistrationStatus, note: string): Promise<void> {
    const said = speakable(status, this.statuses);
    let isHeard = false;
    try {
      await this.#known.setStatus(said, note);
      isHeard = true;
    } finally {
      const { events } = this.#parts;
      const type = "registration.status";
      if (this.#leaving === undefined && events.wants(type)) {
        events.emit({ type, ...this.#whose, status, note, isHeard });
      }
    }
  }

  async #leave(propagationMs: number | undefined): Promise<void> {
    const { clock, behaviour, events, onEnd } = this.#parts;
    const began = clock.now();
    // One that is being registered is registered first: half an entry cannot be taken out.
    const isRegistered = await this.#registered();
    this.#poll?.stop();
    const tell = (step: LeaveStep, trouble: Error | undefined): void => this.#tell(step, trouble);
    const steps = new LeaveSteps({ clock, behaviour, hurry: this.#hurry.signal, tell });
    if (isRegistered) {
      await steps.leaveRegistry((how) => {
        this.#deregistering ??= this.#known.deregister({ ...this.#delay(propagationMs), ...how });
        return this.#deregistering;
      });
    }
    await steps.drain((signal) => draining.run(this, () => behaviour.drain?.(signal)));
    onEnd(this);
    if (!isRegistered || !events.wants("registration.left")) return;
    const durationMs = clock.now() - began;
    events.emit({ type: "registration.left", ...this.#whose, reason: this.#reason, durationMs });
  }

  async #registered(): Promise<boolean> {
    try {
      await this.#registering;
      return this.#handle !== undefined;
    } catch {
      return false;
    }
  }

  #tell(step: LeaveStep, trouble: Error | undefined): void {
    const { events } = this.#parts;
    const type = "registration.leaving";
    if (!events.wants(type)) return;
    events.emit({ type, ...this.#whose, step, reason: this.#reason, failed: trouble?.message });
  }

  #delay(given = this.#parts.behaviour.propagationMs): { readonly propagationMs?: number } {
    return given === undefined ? {} : { propagationMs: given };
  }

  get #whose(): { readonly service: string; readonly id: string; readonly registry: string } {
    const { registrar, instance } = this.#parts;
    return { service: instance.service, id: this.#handle?.id ?? "", registry: registrar.name };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
