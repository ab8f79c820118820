import type { Clock } from "@proxyless/core";

import type { LinkTimers } from "./link-timers.ts";

/** What a process that stood still finds in its socket is read before the silence is believed. */
const graceMs = 50;

/** What is done about a connection's life signs. */
export interface PulseParts {
  readonly clock: Clock;
  readonly timers: LinkTimers;
  readonly ping: () => void;
  /** Nothing came for too long, in milliseconds. */
  readonly onSilence: (silentMs: number) => void;
}

/**
 * The life signs of a connection that has a session: pings three times per session timeout, and gives up after two thirds
 * of it without a byte, so that a half-open connection is noticed before the session is lost.
 */
export class Pulse {
  readonly #parts: PulseParts;
  #heardAt: number;
  #sessionTimeoutMs = 0;

  constructor(parts: PulseParts) {
    this.#parts = parts;
    this.#heardAt = parts.clock.now();
  }

  /** When the last byte came. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** A byte came. */
  heard(): void {
    this.#heardAt = this.#parts.clock.now();
  }

  /** There is a session. */
  begin(sessionTimeoutMs: number): void {
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#ping();
    this.#watchSilence();
  }

  #ping(): void {
    this.#parts.timers.start("ping", this.#sessionTimeoutMs / 3, false, () => {
      this.#parts.ping();
      this.#ping();
    });
  }

  #watchSilence(wasWarned = false): void {
    const { clock, onSilence, timers } = this.#parts;
    const limitMs = (this.#sessionTimeoutMs * 2) / 3;
    const leftMs = this.#heardAt + limitMs - clock.now();
    timers.start("silence", wasWarned ? graceMs : leftMs, false, () => {
      const silentMs = clock.now() - this.#heardAt;
      if (silentMs < limitMs) this.#watchSilence();
      else if (!wasWarned) this.#watchSilence(true);
      else onSilence(silentMs);
    });
  }
}
