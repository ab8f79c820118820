import type { Clock } from "../clock.ts";
import { Alarm } from "./alarm.ts";
import { firstStep, isLargeChange, restOf, StepSize } from "./change-step.ts";
import { isEmptyDiff } from "./diff.ts";
import type { Change } from "./diff.ts";
import type { Freshness } from "./freshness.ts";
import type { Guard } from "./guard.ts";
import type { Reporter } from "./reporter.ts";
import type { Diff, DirectoryEndpoint, Resolution } from "./resolution.ts";
import type { DiscoveryError } from "./source.ts";
import { noChange } from "./subscription.ts";

/** What the present resolution is made of. */
export interface CurrentResolutionParts {
  readonly clock: Clock;
  readonly guard: Guard;
  readonly freshness: Freshness;
  readonly reporter: Reporter;
  /** Hears of each change, in order. */
  readonly changed: (resolution: Resolution, diff: Diff) => void;
}

/**
 * What a service resolves to at present: what the guard lets through, marked with how well that is founded. A long list of which
 * much is new is told in steps, a turn of the event loop for each; what the guard knows by then is where the next one leads.
 */
export class CurrentResolution {
  readonly #parts: CurrentResolutionParts;
  readonly #nextStep: Alarm;
  #stepSize = new StepSize();
  /** What was left to be told after the last step. */
  #rest: Change | undefined;
  #resolution: Resolution = Object.freeze({ status: "pending" });
  #told: Resolution = this.#resolution;
  #served: readonly DirectoryEndpoint[] = Object.freeze([]);
  #changedAt = -Infinity;
  #version = 0;

  constructor(parts: CurrentResolutionParts) {
    this.#parts = parts;
    this.#nextStep = new Alarm(parts.clock, () => {
      this.#stepSize.beginTurn();
      while (this.#step());
    });
  }

  /** A status that changes does so with the last step: who waits for a list waits for all of it. */
  get value(): Resolution {
    return this.#resolution;
  }

  /** What was told last: of a list that is told in steps, as much as was told so far. */
  get told(): Resolution {
    return this.#told;
  }

  /** How many endpoints there are. */
  get size(): number {
    return this.#served.length;
  }

  /** How often the status or the endpoints changed. */
  get version(): number {
    return this.#version;
  }

  /** When they last did. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** Whether anybody confirms the endpoints, and where they come from. */
  get marks(): { readonly stale: boolean; readonly from: "live" | "held" | "disk" } {
    const { freshness, guard } = this.#parts;
    const { isFromDisk, isStale } = freshness;
    return { stale: isStale, from: isFromDisk ? "disk" : guard.holdingEmpty ? "held" : "live" };
  }

  /** Tells what the guard knows, where that is new: all of it, or in steps, of which the first has a turn of its own as well. */
  publish(): void {
    const { guard } = this.#parts;
    const { kind } = guard;
    if (kind === "none") {
      this.#nextStep.clear();
      return;
    }
    const change = guard.changeFrom(this.#served, this.#rest);
    if (isLargeChange(change)) {
      this.#rest = change;
      if (this.#nextStep.armed) return;
      this.#stepSize = new StepSize();
      this.#nextStep.set(0);
    } else {
      this.#nextStep.clear();
      this.#publishWhole(change, kind);
    }
  }

  /** @returns whether another one may follow in the same turn */
  #step(): boolean {
    const { clock, guard } = this.#parts;
    const { kind } = guard;
    if (kind === "none") return false;
    const began = clock.now();
    const change = guard.changeFrom(this.#served, this.#rest);
    const step = isLargeChange(change) ? firstStep(change, this.#stepSize.value) : change;
    if (step === change) {
      this.#publishWhole(change, kind);
      return false;
    }
    this.#rest = restOf(change, step);
    this.#publishStep(step);
    // Who heard of it may have had all told, or nothing more.
    const hasMore = this.#stepSize.took(clock.now() - began) && this.#nextStep.armed;
    if (hasMore) this.#nextStep.clear();
    return hasMore;
  }

  /** Tells at once what was to be told in steps. */
  finish(): void {
    const { kind } = this.#parts.guard;
    if (!this.#nextStep.armed || kind === "none") return;
    this.#nextStep.clear();
    this.#publishWhole(this.#parts.guard.changeFrom(this.#served, this.#rest), kind);
  }

  /** Tells nothing any more. */
  close(): void {
    this.#nextStep.clear();
  }

  #publishWhole({ diff, to: endpoints }: Change, kind: "bound" | "absent"): void {
    this.#rest = undefined;
    const isPartial = this.#told.status === "bound" && this.#told.isPartial === true;
    if (this.#resolution.status === kind && !isPartial && isEmptyDiff(diff)) {
      this.remark();
      return;
    }
    this.#parts.reporter.counts.updates++;
    const version = this.#renew(endpoints);
    this.#change(
      kind === "absent" ? { status: kind, version } : { status: kind, endpoints, version, ...this.marks },
      diff,
    );
  }

  #publishStep({ diff, to: endpoints }: Change): void {
    const version = this.#renew(endpoints);
    this.#told = Object.freeze({ status: "bound", endpoints, version, ...this.marks, isPartial: true });
    if (this.#resolution.status === "bound") this.#resolution = this.#told;
    this.#nextStep.set(0);
    this.#parts.changed(this.#told, diff);
  }

  /** Says the {@link marks} anew. */
  remark(): void {
    const current = this.#resolution;
    if (current.status !== "bound") return;
    const { from, stale } = this.marks;
    if (current.stale === stale && current.from === from) return;
    const isTold = this.#told === current;
    this.#resolution = Object.freeze({ ...current, stale, from });
    if (isTold) this.#told = this.#resolution;
  }

  /** There is no answer, and why. */
  fail(error: DiscoveryError): void {
    this.#change({ status: "failed", error }, noChange);
  }

  /** There is still none, for another reason; that is not told. */
  failAgain(error: DiscoveryError): void {
    this.#resolution = this.#told = Object.freeze({ status: "failed", error });
  }

  /** Takes all endpoints away. */
  giveUp(error: DiscoveryError): void {
    this.#rest = undefined;
    const removed = this.#served;
    this.#nextStep.clear();
    this.#parts.reporter.counts.updates++;
    this.#renew(Object.freeze([]));
    this.#change({ status: "failed", error }, { ...noChange, removed });
  }

  #renew(endpoints: readonly DirectoryEndpoint[]): number {
    this.#served = endpoints;
    this.#changedAt = this.#parts.clock.now();
    return ++this.#version;
  }

  #change(resolution: Resolution, diff: Diff): void {
    this.#resolution = this.#told = Object.freeze(resolution);
    this.#parts.changed(resolution, diff);
  }
}
