import type { Clock, TimerHandle } from "@proxyless/core";

import type { WatchStart } from "./slice-api.ts";
import type { Slice } from "./slice.ts";

/** How patient a watch is, in milliseconds. */
export interface Patience {
  /** For the end of everything that there is at the beginning. */
  readonly initialMs: number;
  /** For anything at all. */
  readonly silenceMs: number;
}

/**
 * One watch from its beginning to its end. Silence of a watch is no trouble: a server only sends bookmarks while anything
 * changes. But nobody can tell it from a connection that is dead, so that after a while it is ended here.
 */
export class WatchSpan {
  /** What was told so far of everything that there is. */
  readonly slices: (Slice | undefined)[] = [];
  /** Ends the watch; aborts with the round as well. */
  readonly signal: AbortSignal;
  readonly #own = new AbortController();
  readonly #clock: Clock;
  readonly #patience: Patience;
  #timer: TimerHandle | undefined;
  #isGathering: boolean;

  constructor(start: WatchStart, clock: Clock, signal: AbortSignal, patience: Patience) {
    this.signal = AbortSignal.any([signal, this.#own.signal]);
    this.#clock = clock;
    this.#patience = patience;
    this.#isGathering = start.from === "everything";
  }

  /** Whether it still tells what there is, rather than what changes. */
  get isGathering(): boolean {
    return this.#isGathering;
  }

  /** Whether it was ended for want of patience. */
  get isGivenUp(): boolean {
    return this.#own.signal.aborted;
  }

  /** The server began to answer, or said something. */
  heard(): void {
    if (this.#isGathering && this.#timer !== undefined) return;
    this.#arm(this.#isGathering ? this.#patience.initialMs : this.#patience.silenceMs);
  }

  /** Everything that there is was told. */
  gathered(): void {
    this.#isGathering = false;
    this.heard();
  }

  end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.end();
    this.#timer = this.#clock.setTimer(abort, ms, this.#own, true);
  }
}

function abort(controller: AbortController): void {
  controller.abort();
}
