import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { Budget } from "./budget.ts";
import type { RegistrationDriver, WantedEntry } from "./driver.ts";
import type { ResolvedInstance } from "./instance.ts";
import type { DeregisterOptions, DeregisterStep } from "./registrar.ts";

/** How to leave. */
export interface Leaving {
  readonly propagationMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onStep: DeregisterOptions["onStep"];
}

/** What a departure stands on. */
export interface DepartureParts<I extends ResolvedInstance> {
  readonly clock: Clock;
  readonly driver: RegistrationDriver<I>;
  /** What is to be taken out, as it is wanted by then. */
  readonly entry: () => WantedEntry<I>;
  /** Makes an error that names the instance. */
  readonly errorOf: (what: string, cause: unknown) => Error;
}

/** The most that leaving may take beside the propagation delay. */
const leaveMs = 5000;

/** Takes an entry out of its registry, in bounded time whatever the registry does. */
export class Departure<I extends ResolvedInstance> {
  readonly #parts: DepartureParts<I>;
  readonly #budget: Budget;
  /** What comes before the removal has half of it: an entry that is removed need not have been marked. */
  readonly #firstHalf: Budget;

  constructor(parts: DepartureParts<I>) {
    this.#parts = parts;
    this.#budget = new Budget(parts.clock, leaveMs);
    this.#firstHalf = new Budget(parts.clock, leaveMs / 2);
  }

  /** Waits for what must be over before the entry is touched, as long as there is time. */
  async after(work: Promise<unknown>): Promise<void> {
    await this.#before(() => work).catch(() => undefined);
  }

  /** Lists the entry as draining, waits until everybody had the time to hear of it, removes it. @returns what went wrong */
  async announced({ propagationMs, signal, onStep }: Leaving): Promise<Error | undefined> {
    const { clock, driver, entry, errorOf } = this.#parts;
    let isListed = false;
    let unmarked: Error | undefined;
    try {
      isListed = await this.#before((end) => driver.drain(entry(), end));
    } catch (error) {
      unmarked = errorOf("could not be listed as draining", error);
    }
    await tell(onStep, "draining", unmarked);
    // Nobody can be told to go elsewhere where nothing is listed.
    if (isListed && propagationMs > 0) await sleep(clock, propagationMs, signal).catch(() => undefined);
    await tell(onStep, "propagated");
    return this.unannounced();
  }

  /** Removes the entry at once. @returns what went wrong */
  async unannounced(): Promise<Error | undefined> {
    const { driver, entry, errorOf } = this.#parts;
    try {
      await this.#budget.spend((end) => driver.remove(entry(), end));
      return undefined;
    } catch (error) {
      // Leaving must not hold anyone up: the entry runs out by itself.
      return errorOf("could not be deregistered and will be forgotten later", error);
    }
  }

  #before<T>(work: (end: AbortSignal) => Promise<T>): Promise<T> {
    return this.#budget.spend(() => this.#firstHalf.spend(work));
  }
}

/** Tells of a step; a listener's mistake must not keep the instance listed. */
export async function tell(onStep: Leaving["onStep"], step: DeregisterStep, trouble?: Error): Promise<void> {
  try {
    await onStep?.(step, trouble);
  } catch {
    // As said.
  }
}
