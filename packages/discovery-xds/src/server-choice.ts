import type { Clock, TimerHandle } from "@proxyless/core";

import { AdsStream } from "./ads-stream.ts";
import type { XdsServer } from "./bootstrap.ts";
import type { Settings } from "./options.ts";

/**
 * Which server of the list is talked to. The first one is the one that is wanted: others take its place while it cannot be
 * reached, and meanwhile it is looked at now and then.
 */
export class ServerChoice {
  readonly #settings: Settings;
  readonly #clock: Clock;
  #index = 0;
  #failuresInARow = 0;
  #looking = new AbortController();
  #timer: TimerHandle | undefined;
  #look: Promise<void> = Promise.resolve();

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  get current(): XdsServer {
    const { servers } = this.#settings.bootstrap;
    return servers[this.#index] ?? servers[0];
  }

  /** The present one was good. */
  wasHeard(): void {
    this.#failuresInARow = 0;
  }

  /** The present one was not, so it is the next one's turn. @returns whether all of them had theirs */
  next(): boolean {
    const { length } = this.#settings.bootstrap.servers;
    this.#index = (this.#index + 1) % length;
    return ++this.#failuresInARow % length === 0;
  }

  /** Looks for the first one while another is in use; it is the present one by the time that `onBack` is called. */
  lookForFirst(onBack: () => void): void {
    if (this.#index > 0) this.#plan(new AbortController(), onBack);
  }

  /** Ends that; resolves when its sockets are closed. */
  async lookNoMore(): Promise<void> {
    this.#looking.abort();
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    await this.#look;
  }

  #plan(looking: AbortController, onBack: () => void): void {
    this.#looking = looking;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#look = this.#tryFirst(looking, onBack);
      },
      this.#settings.returnMs,
      undefined,
      true,
    );
  }

  async #tryFirst(looking: AbortController, onBack: () => void): Promise<void> {
    const { signal } = looking;
    const [first] = this.#settings.bootstrap.servers;
    const probe = new AdsStream<never, never>(first, this.#settings, this.#clock, {
      up: () => undefined,
      response: () => true,
      end: () => undefined,
    });
    const onStop = (): void => void probe.close();
    signal.addEventListener("abort", onStop, { once: true });
    const isThere = await probe.probe();
    await probe.close();
    if (signal.aborted) return;
    if (!isThere) {
      this.#plan(looking, onBack);
      return;
    }
    this.#index = 0;
    onBack();
  }
}
