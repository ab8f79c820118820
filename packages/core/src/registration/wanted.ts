import { toSourceError } from "../registry/source-error.ts";
import type { SourceError } from "../registry/source-error.ts";
import type { WantedEntry } from "./driver.ts";
import type { RegistrationStatus, ResolvedInstance } from "./instance.ts";

/** New values for some of what an instance is registered with. */
export type InstanceChange = Partial<Pick<ResolvedInstance, "weight" | "version" | "metadata">>;

/**
 * What the registry shall say of an instance: what it took last, and the changes that it did not take yet. A change that it
 * can never take is forgotten, because with it nothing else would be heard again, not even that the instance is alive.
 */
export class Wanted<I extends ResolvedInstance> {
  #taken: WantedEntry<I>;
  /** The taken one with all changes. */
  #instance: I;
  /** Oldest first. */
  #changes: readonly InstanceChange[] = [];
  readonly #refusals = new WeakMap<InstanceChange, SourceError>();
  readonly #causes = new WeakSet<SourceError>();

  constructor(entry: WantedEntry<I>) {
    this.#taken = entry;
    this.#instance = entry.instance;
  }

  /** The same instance until something in it changes: a driver may compare it with the one before. */
  get entry(): WantedEntry<I> {
    return { ...this.#taken, instance: this.#instance };
  }

  /** Every registry knows the statuses that it is told, so one of them is never at fault. */
  say(status: RegistrationStatus, note: string): void {
    this.#taken = { ...this.#taken, status, note };
  }

  change(change: InstanceChange): void {
    // Only what has a say stays: an outage may be long, and updates many.
    const others = this.#changes.filter((earlier) => Object.keys(earlier).some((key) => !(key in change)));
    this.#setChanges([...others, change]);
  }

  /** Why a change was forgotten; `undefined` where it was not. */
  refusal(change: InstanceChange): SourceError | undefined {
    return this.#refusals.get(change);
  }

  /** Whether a change was forgotten for this. */
  isRefusal(trouble: SourceError): boolean {
    return this.#causes.has(trouble);
  }

  /**
   * Offers the registry what is wanted now. Offers must not overlap. Where it can never take that, the newest change in it
   * is forgotten; the ones before it are offered again.
   * @throws what `apply` threw
   */
  async offer(apply: (entry: WantedEntry<I>) => Promise<void>): Promise<void> {
    const offered = this.#changes;
    const { entry } = this;
    try {
      await apply(entry);
    } catch (error) {
      const trouble = toSourceError(error);
      const newest = offered.at(-1);
      if (trouble.class === "config" && newest !== undefined) {
        this.#refusals.set(newest, trouble);
        this.#causes.add(trouble);
        this.#setChanges(this.#changes.filter((change) => change !== newest));
      }
      throw error;
    }
    // What came meanwhile is still to be said.
    this.#taken = { ...this.#taken, instance: entry.instance };
    this.#setChanges(this.#changes.filter((change) => !offered.includes(change)));
  }

  #setChanges(changes: readonly InstanceChange[]): void {
    this.#changes = changes;
    const { instance } = this.#taken;
    this.#instance = changes.length === 0 ? instance : Object.assign({}, instance, ...changes);
  }
}
