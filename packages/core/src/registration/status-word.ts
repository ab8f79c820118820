import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import { HealthPoll } from "./health-poll.ts";
import type { RegistrationStatus } from "./instance.ts";
import type { Behaviour } from "./register-options.ts";

/** What the word is spoken with. */
export interface StatusWordParts {
  readonly clock: Clock;
  readonly behaviour: Behaviour;
  /** Tells the registry. */
  readonly say: (status: RegistrationStatus, note: string) => Promise<void>;
}

/** Who has the word on how an instance is: its health function, or whoever has taken it out until he gives the word back. */
export class StatusWord {
  readonly #say: StatusWordParts["say"];
  readonly #poll: HealthPoll | undefined;
  #isOut = false;

  constructor({ clock, behaviour, say }: StatusWordParts) {
    this.#say = say;
    const { health, healthIntervalMs: intervalMs, healthTimeoutMs: timeoutMs } = behaviour;
    const tell = (status: RegistrationStatus, note: string): void => {
      if (!this.#isOut) void say(status, note).catch(() => undefined);
    };
    this.#poll =
      health === undefined ? undefined : new HealthPoll({ clock, health, intervalMs, timeoutMs, tell });
  }

  /** From now on `health` is asked. */
  start(): void {
    this.#poll?.start();
  }

  stop(): void {
    this.#poll?.stop();
  }

  /** With a health function only `out-of-service`, which holds until `up` gives the word back to it. */
  async set(status: RegistrationStatus, note: string): Promise<void> {
    if (this.#poll === undefined) return this.#say(status, note);
    if (status !== "out-of-service" && status !== "up") {
      throw configError("status", "out-of-service or up, because health says the rest", status);
    }
    this.#isOut = status === "out-of-service";
    const last = this.#poll.last ?? { status: "starting", note: "" };
    return this.#isOut ? this.#say(status, note) : this.#say(last.status, last.note);
  }
}
