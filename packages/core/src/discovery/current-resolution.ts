import type { Clock } from "../clock.ts";
import { isEmptyDiff } from "./diff.ts";
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

/** What a service resolves to at present: what the guard lets through, marked with how well that is founded. */
export class CurrentResolution {
  readonly #parts: CurrentResolutionParts;
  #resolution: Resolution = Object.freeze({ status: "pending" });
  #served: readonly DirectoryEndpoint[] = Object.freeze([]);
  #changedAt = -Infinity;
  #version = 0;

  constructor(parts: CurrentResolutionParts) {
    this.#parts = parts;
  }

  get value(): Resolution {
    return this.#resolution;
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

  /** Tells what the guard knows, where that is new. */
  publish(): void {
    const { kind } = this.#parts.guard;
    if (kind === "none") return;
    const { diff, to: endpoints } = this.#parts.guard.changeFrom(this.#served);
    if (this.#resolution.status === kind && isEmptyDiff(diff)) {
      this.remark();
      return;
    }
    const version = this.#renew(endpoints);
    this.#change(
      kind === "absent" ? { status: kind, version } : { status: kind, endpoints, version, ...this.marks },
      diff,
    );
  }

  /** Says the {@link marks} anew. */
  remark(): void {
    const current = this.#resolution;
    if (current.status !== "bound") return;
    const { from, stale } = this.marks;
    if (current.stale === stale && current.from === from) return;
    this.#resolution = Object.freeze({ ...current, stale, from });
  }

  /** There is no answer, and why. */
  fail(error: DiscoveryError): void {
    this.#change({ status: "failed", error }, noChange);
  }

  /** There is still none, for another reason; that is not told. */
  failAgain(error: DiscoveryError): void {
    this.#resolution = Object.freeze({ status: "failed", error });
  }

  /** Takes all endpoints away. */
  giveUp(error: DiscoveryError): void {
    const removed = this.#served;
    this.#renew(Object.freeze([]));
    this.#change({ status: "failed", error }, { ...noChange, removed });
  }

  #renew(endpoints: readonly DirectoryEndpoint[]): number {
    this.#served = endpoints;
    this.#changedAt = this.#parts.clock.now();
    this.#parts.reporter.counts.updates++;
    return ++this.#version;
  }

  #change(resolution: Resolution, diff: Diff): void {
    this.#resolution = Object.freeze(resolution);
    this.#parts.changed(resolution, diff);
  }
}
