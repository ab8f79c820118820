import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";
import type { EventHub } from "../event-hub.ts";
import { allLeft, ExitSignals } from "./exit-signals.ts";
import type { RegistrationState, ServiceInstance } from "./instance.ts";
import { Membership } from "./membership.ts";
import type { MeshRegistration } from "./membership.ts";
import { splitRegisterOptions } from "./register-options.ts";
import type { RegisterOptions } from "./register-options.ts";
import type { Registrar } from "./registrar.ts";

/** One registration, as it is now: plain and JSON-serialisable. */
export interface RegistrationView {
  readonly service: string;
  readonly registry: string;
  readonly state: RegistrationState;
}

/** The instances that a mesh registered and that did not leave yet. */
export class Registrations {
  readonly #clock: Clock;
  readonly #events: EventHub;
  readonly #usual: Registrar | undefined;
  readonly #members = new Map<Membership, Omit<RegistrationView, "state">>();
  readonly #signals = new ExitSignals();
  #closing: Promise<unknown> | undefined;

  constructor(clock: Clock, events: EventHub, usual: Registrar | undefined) {
    this.#clock = clock;
    this.#events = events;
    this.#usual = usual;
  }

  /** Registers an instance; rejects with `ERR_PROXYLESS_CLOSED` after {@link close}, or when it has to leave meanwhile. */
  async register<I extends ServiceInstance>(options: RegisterOptions<I>): Promise<MeshRegistration> {
    const { behaviour, registrar, instance } = splitRegisterOptions(options, this.#usual);
    if (this.#closing !== undefined) {
      throw new ProxylessError(
        "ERR_PROXYLESS_CLOSED",
        `the mesh is closed; ${instance.service} was not registered`,
      );
    }
    const membership = new Membership({
      registrar,
      instance,
      behaviour,
      clock: this.#clock,
      events: this.#events,
      onEnd: (ended) => {
        this.#members.delete(ended);
        this.#signals.delete(ended);
      },
    });
    this.#members.set(membership, { service: instance.service, registry: registrar.name });
    // Before the first word to the registry: what a signal cuts short would stay listed.
    this.#signals.add(membership);
    try {
      await membership.register();
    } catch (error) {
      // Where nobody handles it this ends the process, which must not cut short those that are leaving.
      await this.#left();
      throw error;
    }
    return membership;
  }

  /** What is registered now. */
  view(): readonly RegistrationView[] {
    return Array.from(this.#members, ([{ state }, view]) => ({ ...view, state }));
  }

  /** Every instance leaves; resolves when the last one has. `undefined` where there is none. */
  close(): Promise<unknown> | undefined {
    const all = [...this.#members.keys()];
    this.#closing = Promise.all(all.map((member) => member.leave({ reason: "close" })));
    return all.length === 0 ? undefined : this.#closing;
  }
  /** Resolves when nobody is leaving. */
  async #left(): Promise<void> {
    await this.#closing;
    await allLeft();
  }
}
