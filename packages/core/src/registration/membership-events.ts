import { hostPort } from "../discovery/host.ts";
import type { EventHub } from "../event-hub.ts";
import type { LeaveStep } from "../events.ts";
import { plainText } from "../plain-text.ts";
import type { RegistrationState, RegistrationStatus } from "./instance.ts";
import type { RegistrationHandle } from "./registrar.ts";

/** Whose events they are. */
interface Whose {
  readonly service: string;
  readonly registry: string;
}

/** Says what becomes of an instance, as events of the mesh. Nothing is made where nobody listens. */
export class MembershipEvents {
  readonly #events: EventHub;
  readonly #whose: Whose;
  #known: Pick<RegistrationHandle, "id" | "host" | "port"> | undefined;
  /** What was heard before the instance was known: an event has an id. */
  #early: { readonly state: RegistrationState; readonly reason: Error | undefined }[] = [];

  constructor(events: EventHub, whose: Whose) {
    this.#events = events;
    this.#whose = whose;
  }

  /** From now on there is an id. */
  known(handle: Pick<RegistrationHandle, "id" | "host" | "port">): void {
    this.#known = handle;
    const early = this.#early;
    this.#early = [];
    for (const { state, reason } of early) this.state(state, reason);
  }

  state(state: RegistrationState, reason: Error | undefined): void {
    const events = this.#events;
    if (this.#known === undefined) {
      this.#early.push({ state, reason });
    } else if (state === "registered" && events.wants("registration.registered")) {
      const endpoint = hostPort(this.#known.host, this.#known.port);
      events.emit({ type: "registration.registered", ...this.#named, endpoint });
    } else if (state === "lost" && events.wants("registration.lost")) {
      events.emit({ type: "registration.lost", ...this.#named, reason: plainText(reason?.message ?? "") });
    }
  }

  status(status: RegistrationStatus, note: string, isHeard: boolean): void {
    const type = "registration.status";
    if (this.#events.wants(type))
      this.#events.emit({ type, ...this.#named, status, note: plainText(note), isHeard });
  }

  leaving(step: LeaveStep, reason: string, trouble: Error | undefined): void {
    const type = "registration.leaving";
    if (!this.#events.wants(type)) return;
    const failed = trouble === undefined ? undefined : plainText(trouble.message);
    this.#events.emit({ type, ...this.#named, step, reason, failed });
  }

  left(reason: string, durationMs: number): void {
    const type = "registration.left";
    if (this.#events.wants(type)) this.#events.emit({ type, ...this.#named, reason, durationMs });
  }

  get #named(): Whose & { readonly id: string } {
    return { ...this.#whose, id: this.#known?.id ?? "" };
  }
}
