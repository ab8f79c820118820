import type { Clock } from "../clock.ts";
import type { LeaveStep } from "../events.ts";
import type { Behaviour } from "./register-options.ts";
import type { DeregisterOptions } from "./registrar.ts";
import { within } from "./within.ts";

/** The most that `readiness` is waited for, in milliseconds. */
export const readinessMs = 5000;

/** What the steps of leaving stand on. */
export interface LeaveStepsParts {
  readonly clock: Clock;
  readonly behaviour: Behaviour;
  /** Ends all waiting. */
  readonly hurry: AbortSignal;
  /** Hears of each step, once, when it is over. */
  readonly tell: (step: LeaveStep, trouble: Error | undefined) => void;
}

/** Takes the steps of leaving, each whatever became of those before. */
export class LeaveSteps {
  readonly #parts: LeaveStepsParts;
  readonly #told = new Set<LeaveStep>();
  #isUnready = false;

  constructor(parts: LeaveStepsParts) {
    this.#parts = parts;
  }

  /** The first four, around what takes the instance out of the registry. */
  async leaveRegistry(
    deregister: (how: Pick<DeregisterOptions, "signal" | "onStep">) => Promise<void>,
  ): Promise<void> {
    let trouble: Error | undefined;
    try {
      await deregister({
        signal: this.#parts.hurry,
        onStep: async (step, problem) => {
          this.#over(step, problem);
          // Now, because from here on the instance serves for those who have not heard of it yet.
          if (step === "draining") await this.#unready();
        },
      });
    } catch (error) {
      trouble = toError(error);
    }
    // A registrar of somebody else's may know nothing of steps, and somebody may have deregistered before.
    this.#over("draining", undefined);
    await this.#unready();
    this.#over("propagated", undefined);
    this.#over("deregistered", trouble);
  }

  /** The last one. */
  async drain(work: (signal: AbortSignal) => unknown): Promise<void> {
    await this.#step("drained", this.#parts.behaviour.drainTimeoutMs, work);
  }

  async #unready(): Promise<void> {
    if (this.#isUnready) return;
    this.#isUnready = true;
    await this.#step("unready", readinessMs, () => this.#parts.behaviour.readiness?.(false));
  }

  async #step(step: LeaveStep, ms: number, work: (signal: AbortSignal) => unknown): Promise<void> {
    const { clock, hurry } = this.#parts;
    let trouble: Error | undefined;
    try {
      await within({ clock, ms, stop: hurry, background: false }, work);
    } catch (error) {
      trouble = toError(error);
    }
    this.#over(step, trouble);
  }

  #over(step: LeaveStep, trouble: Error | undefined): void {
    if (this.#told.has(step)) return;
    this.#told.add(step);
    this.#parts.tell(step, trouble);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
