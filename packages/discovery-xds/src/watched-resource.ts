import type { Clock, TimerHandle } from "@proxyless/core";
import type { SourceError } from "@proxyless/core/discovery";

/** Who hears of a resource. */
export interface ResourceWatcher<T> {
  /** It is there, or has changed. */
  known(value: T, version: string): void;
  /** The control plane says that there is none, or never said that there is. */
  absent(): void;
  /** The control plane confirmed what is known. */
  unchanged(): void;
  /** Nothing is known beyond what was, and why. */
  trouble(error: SourceError): void;
}

type State<T> = "waiting" | "absent" | { readonly value: T; readonly version: string };

/** One resource, what is known of it, and who wants to know. */
export class WatchedResource<T = unknown> {
  readonly name: string;
  readonly watchers: Set<ResourceWatcher<T>> = new Set();
  readonly #clock: Clock;
  #state: State<T> = "waiting";
  #doesNotExist: TimerHandle | undefined;
  #expiry: TimerHandle | undefined;
  /** On this stream something was said of it. */
  isHeard = false;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  /** Tells a newcomer what is known. */
  tell(watcher: ResourceWatcher<T>): void {
    if (this.#state === "absent") watcher.absent();
    else if (this.#state !== "waiting") watcher.known(this.#state.value, this.#state.version);
  }

  take(value: T, version: string): void {
    this.stopWaiting();
    this.#state = { value, version };
    for (const watcher of this.watchers) watcher.known(value, version);
  }

  confirm(): void {
    if (typeof this.#state === "string") return;
    for (const watcher of this.watchers) watcher.unchanged();
  }

  lose(): void {
    this.stopWaiting();
    this.#state = "absent";
    for (const watcher of this.watchers) watcher.absent();
  }

  trouble(error: SourceError): void {
    for (const watcher of this.watchers) watcher.trouble(error);
  }

  /** From now on it has so long to appear; only where nothing is known of it, or on another stream that there was none. */
  waitFor(ms: number, onTimeout: () => void): void {
    const isOpen = this.#state === "waiting" || (this.#state === "absent" && !this.isHeard);
    if (!isOpen || this.#doesNotExist !== undefined) return;
    this.#doesNotExist = this.#clock.setTimer(
      () => {
        this.#doesNotExist = undefined;
        onTimeout();
      },
      ms,
      undefined,
      true,
    );
  }

  stopWaiting(): void {
    if (this.#doesNotExist === undefined) return;
    this.#clock.clearTimer(this.#doesNotExist);
    this.#doesNotExist = undefined;
  }

  /** How long what is known holds; for ever without a time. */
  expireIn(ttlMs: number | undefined, onExpiry: () => void): void {
    if (this.#expiry !== undefined) this.#clock.clearTimer(this.#expiry);
    this.#expiry = undefined;
    if (ttlMs === undefined) return;
    this.#expiry = this.#clock.setTimer(
      () => {
        this.#expiry = undefined;
        onExpiry();
      },
      ttlMs,
      undefined,
      true,
    );
  }

  close(): void {
    this.stopWaiting();
    this.expireIn(undefined, () => undefined);
  }
}
