import { sleep } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { plainText } from "../plain-text.ts";
import type { RegistrationStatus } from "./instance.ts";
import { readHealthAnswer } from "./register-options.ts";
import type { HealthFunction } from "./register-options.ts";
import { within } from "./within.ts";

/** What is polled, how often, and who hears of it. */
export interface HealthPollParts {
  readonly health: HealthFunction;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Hears the first answer, and each one that differs from the one before. */
  readonly tell: (status: RegistrationStatus, note: string) => void;
}

/**
 * Asks a user's function for ever how the instance is. Whatever goes wrong with it means `down`: an instance that cannot
 * tell is not well. One answer decides; who wants several in a row to agree counts them in the function.
 */
export class HealthPoll {
  readonly #parts: HealthPollParts;
  readonly #stop = new AbortController();
  #last: { readonly status: RegistrationStatus; readonly note: string } | undefined;

  constructor(parts: HealthPollParts) {
    this.#parts = parts;
  }

  /** The last answer; `undefined` before the first. */
  get last(): { readonly status: RegistrationStatus; readonly note: string } | undefined {
    return this.#last;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { clock, intervalMs, tell } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // eslint-disable-next-line no-await-in-loop -- one question after the other
      const answer = await this.#ask();
      if (signal.aborted) return;
      const before = this.#last;
      this.#last = answer;
      if (before?.status !== answer.status || before.note !== answer.note) tell(answer.status, answer.note);
      // eslint-disable-next-line no-await-in-loop -- as above
      await sleep(clock, intervalMs, signal, true).catch(() => undefined);
    }
  }

  async #ask(): Promise<{ readonly status: RegistrationStatus; readonly note: string }> {
    const { clock, health, timeoutMs } = this.#parts;
    const waiting = { clock, ms: timeoutMs, stop: this.#stop.signal, background: true };
    try {
      return readHealthAnswer(await within(waiting, (signal) => health(signal)));
    } catch (error) {
      return { status: "down", note: error instanceof Error ? plainText(error.message, 200) : "" };
    }
  }
}
