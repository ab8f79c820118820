import { ProxylessError } from "../errors.ts";
import type { ChangeListener, Diff, Resolution, Subscription } from "./resolution.ts";

/** What a subscription needs of the watch it shares. */
export interface SubscriptionHost {
  readonly service: string;
  readonly current: Resolution;
  /** What was told last; of a list that is told in steps it is as much as was told. */
  readonly told: Resolution;
  /** The number of changes so far. */
  readonly sequence: number;
  /** The error `ready()` rejects with while the status is `failed`. */
  failure(): ProxylessError;
  /** Called when the number of pending `ready()` promises becomes, or stops being, zero. */
  waiting(subscription: DirectorySubscription): void;
  refresh(reason: string): void;
  release(subscription: DirectorySubscription): void;
}

interface Listener {
  readonly fn: ChangeListener;
  /** The last change it was told. */
  seen: number;
}

interface Waiter {
  readonly resolve: (resolution: Resolution) => void;
  readonly reject: (error: unknown) => void;
}

/** The difference of a change of status alone. */
export const noChange: Diff = Object.freeze({ added: [], updated: [], removed: [] });

/** One user's listeners and pending `ready()` promises. */
export class DirectorySubscription implements Subscription {
  readonly #host: SubscriptionHost;
  readonly #listeners = new Set<Listener>();
  readonly #waiters = new Set<Waiter>();
  #closed = false;

  constructor(host: SubscriptionHost) {
    this.#host = host;
  }

  get current(): Resolution {
    return this.#host.current;
  }

  get hasWaiters(): boolean {
    return this.#waiters.size > 0;
  }

  ready(options: { readonly signal?: AbortSignal } = {}): Promise<Resolution> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) reject(signal.reason);
      else if (this.#closed) reject(closedError(this.#host.service));
      else if (this.current.status === "failed") reject(this.#host.failure());
      else if (this.current.status === "pending") this.#wait(resolve, reject, signal);
      else resolve(this.current);
    });
  }

  onChange(listener: ChangeListener): () => void {
    if (this.#closed) return () => {};
    const entry: Listener = { fn: listener, seen: this.#host.sequence };
    this.#listeners.add(entry);
    const { told } = this.#host;
    if (told.status === "bound") {
      tell(listener, told, { ...noChange, added: told.endpoints });
    } else if (told.status !== "pending") tell(listener, told, noChange);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  refresh(reason: string): void {
    if (!this.#closed) this.#host.refresh(reason);
  }

  close(): void {
    if (this.#closed) return;
    this.end();
    this.#host.release(this);
  }

  /** Tells the listeners of change number `sequence`, each change once. */
  deliver(sequence: number, resolution: Resolution, diff: Diff): void {
    for (const listener of this.#listeners) {
      // One that came while an older change was still being told has seen this one already.
      if (listener.seen >= sequence) continue;
      listener.seen = sequence;
      tell(listener.fn, resolution, diff);
    }
  }

  /** Settles the pending `ready()` promises by the current status. */
  settle(): void {
    const { current } = this;
    if (current.status === "pending") return;
    for (const waiter of this.#waiters) {
      if (current.status === "failed") waiter.reject(this.#host.failure());
      else waiter.resolve(current);
    }
  }

  /** Drops the listeners and rejects the pending `ready()` promises. */
  end(): void {
    this.#closed = true;
    this.#listeners.clear();
    for (const waiter of this.#waiters) waiter.reject(closedError(this.#host.service));
  }

  #wait(resolve: (r: Resolution) => void, reject: (e: unknown) => void, signal?: AbortSignal): void {
    const leave = (): void => {
      signal?.removeEventListener("abort", onAbort);
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#host.waiting(this);
    };
    const waiter: Waiter = {
      resolve: (resolution) => {
        leave();
        resolve(resolution);
      },
      reject: (error) => {
        leave();
        reject(error);
      },
    };
    const onAbort = (): void => {
      waiter.reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiters.add(waiter);
    if (this.#waiters.size === 1) this.#host.waiting(this);
  }
}

function tell(listener: ChangeListener, resolution: Resolution, diff: Diff): void {
  try {
    listener(resolution, diff);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** What a use after `close` gets. */
function closedError(service: string): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_CLOSED", `the subscription to ${service} is closed`, { service });
}
