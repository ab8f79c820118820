import { currentContext } from "../context/call-context.ts";
import { ProxylessError, configError } from "../errors.ts";
import { resolveBatcher } from "./batch-options.ts";
import type { BatcherOptions, ResolvedBatcher } from "./batch-options.ts";
import { BatchWaiter } from "./batch-waiter.ts";
import type { BatchLimits } from "./batch-waiter.ts";
import { Batch } from "./batch.ts";

/** What one request may want. */
export interface BatchRequestOptions {
  /** Ends the wait of this request alone. */
  readonly signal?: AbortSignal | undefined;
  /** How long this request waits, batching included, in milliseconds, 1 to 2,147,483,647; for ever by default. */
  readonly timeoutMs?: number | undefined;
}

/** Loads single values in batches. */
export interface Batcher<Key, Value> {
  /**
   * The value of a key. Nothing is kept: a key that is asked for again after its batch was loaded is loaded again.
   * Rejects with what `load` says of the key, with the reason of the signal, with `ERR_PROXYLESS_TIMEOUT` when the time is over, with
   * `ERR_PROXYLESS_CONTRACT` when `load` brings no value, with `ERR_PROXYLESS_CLOSED` after `close`.
   */
  load(key: Key, options?: BatchRequestOptions): Promise<Value>;
  /** How many requests wait. */
  readonly waiting: number;
  /** Loads what has come together so far, now. */
  flush(): void;
  /** Ends every wait, and takes no more requests. */
  close(): void;
}

/**
 * Makes a batcher: requests for single keys that come at about the same time are loaded together (as by Facebook's dataloader or the collapser
 * of Hystrix). The same key is loaded once per batch. A request has a time and a cancellation of its own, also those of its surroundings; a
 * batch goes on as long as anybody waits for it.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function createBatcher<Key, Value>(options: BatcherOptions<Key, Value>): Batcher<Key, Value> {
  return new KeyBatcher(resolveBatcher(options));
}

class KeyBatcher<Key, Value> implements Batcher<Key, Value> {
  readonly #options: ResolvedBatcher<Key, Value>;
  /** Takes the next key. */
  #open: Batch<Key, Value> | undefined;
  readonly #batches = new Set<Batch<Key, Value>>();
  #closed = false;

  constructor(options: ResolvedBatcher<Key, Value>) {
    this.#options = options;
  }

  get waiting(): number {
    let count = 0;
    for (const batch of this.#batches) count += batch.waiting;
    return count;
  }

  load(key: Key, options: BatchRequestOptions = {}): Promise<Value> {
    return new Promise((resolve, reject) => {
      const limits = this.#limitsOf(options);
      const aborted = limits.signals.find((signal) => signal.aborted);
      if (aborted !== undefined) {
        // eslint-disable-next-line typescript/prefer-promise-reject-errors -- the caller's own reason
        reject(aborted.reason);
        return;
      }
      if (this.#closed) {
        reject(closedError(this.#options.name));
        return;
      }
      // Asked for before there is a batch: it is the user's function, and may throw.
      const identity = this.#options.key(key);
      this.#current().add(new BatchWaiter<Key, Value>(key, identity, limits, resolve, reject));
    });
  }

  flush(): void {
    this.#open?.dispatch();
  }

  close(): void {
    this.#closed = true;
    for (const batch of this.#batches) batch.abandon(closedError(this.#options.name));
  }

  #current(): Batch<Key, Value> {
    if (this.#open !== undefined) return this.#open;
    this.#open = new Batch<Key, Value>(
      this.#options,
      () => {
        this.#open = undefined;
      },
      (batch) => {
        this.#batches.delete(batch);
      },
    );
    this.#batches.add(this.#open);
    return this.#open;
  }

  #limitsOf({ signal, timeoutMs }: BatchRequestOptions): BatchLimits {
    const isTime = typeof timeoutMs === "number" && timeoutMs >= 1 && timeoutMs <= 2 ** 31 - 1;
    if (timeoutMs !== undefined && !isTime) {
      throw configError("timeoutMs", "a number from 1 to 2147483647", timeoutMs);
    }
    const { clock, name } = this.#options;
    const context = currentContext();
    const left = context?.deadline === undefined ? Infinity : Math.max(0, context.deadline - clock.now());
    const limit = Math.min(timeoutMs ?? Infinity, left);
    const signals = [signal, context?.signal].filter((one) => one !== undefined);
    return { name, clock, signals, timeoutMs: limit === Infinity ? undefined : limit };
  }
}

function closedError(name: string): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_CLOSED", `${name} is closed`, { flag: "LR" });
}
