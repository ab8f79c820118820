import { AsyncLocalStorage } from "node:async_hooks";

import type { TimerHandle } from "../clock.ts";
import { currentContext, startContext } from "../context/call-context.ts";
import { ProxylessError } from "../errors.ts";
import type { BatchResult, ResolvedBatcher } from "./batch-options.ts";
import type { BatchWaiter } from "./batch-waiter.ts";

/** A key and those who wait for its value. */
interface Entry<Key, Value> {
  readonly key: Key;
  readonly waiters: Set<BatchWaiter<Key, Value>>;
}

/** Keys that are loaded together. */
export class Batch<Key, Value> {
  readonly #options: ResolvedBatcher<Key, Value>;
  /** No more keys are taken. */
  readonly #onClosed: (batch: Batch<Key, Value>) => void;
  readonly #onDone: (batch: Batch<Key, Value>) => void;
  readonly #entries = new Map<unknown, Entry<Key, Value>>();
  readonly #aborter = new AbortController();
  /** The surroundings of whoever began the batch, in which it is loaded. */
  readonly #inContext: (run: () => void) => void = AsyncLocalStorage.snapshot();
  #timer: TimerHandle | undefined;
  #state: "open" | "loading" | "done" = "open";

  constructor(
    options: ResolvedBatcher<Key, Value>,
    onClosed: (batch: Batch<Key, Value>) => void,
    onDone: (batch: Batch<Key, Value>) => void,
  ) {
    this.#options = options;
    this.#onClosed = onClosed;
    this.#onDone = onDone;
    const { clock, maxWaitMs } = options;
    if (maxWaitMs > 0) this.#timer = clock.setTimer(onWaited, maxWaitMs, this);
    else afterThis(this);
  }

  /** How many wait. */
  get waiting(): number {
    let count = 0;
    for (const { waiters } of this.#entries.values()) count += waiters.size;
    return count;
  }

  /** Adds one who waits for a key. A full batch is loaded at once. */
  add(waiter: BatchWaiter<Key, Value>): void {
    const { identity, key } = waiter;
    let entry = this.#entries.get(identity);
    if (entry === undefined) this.#entries.set(identity, (entry = { key, waiters: new Set() }));
    entry.waiters.add(waiter);
    waiter.wait(this);
    if (this.#entries.size >= this.#options.maxSize) this.dispatch();
  }

  /** One waits no longer. A key that nobody waits for is not loaded, and a batch that nobody waits for is given up. */
  leave(waiter: BatchWaiter<Key, Value>, reason: unknown): void {
    const { identity } = waiter;
    const entry = this.#entries.get(identity);
    if (entry === undefined || !entry.waiters.delete(waiter) || entry.waiters.size > 0) return;
    if (this.#state === "open") {
      this.#entries.delete(identity);
      if (this.#entries.size > 0) return;
      this.#close();
      this.#done();
    } else if (this.waiting === 0) {
      this.#done();
      this.#aborter.abort(reason);
    }
  }

  /** Loads what has come together, now. */
  dispatch(): void {
    if (this.#state !== "open") return;
    this.#close();
    this.#state = "loading";
    this.#inContext(() => {
      void this.#load();
    });
  }

  /** Everybody waits in vain. */
  abandon(reason: unknown): void {
    if (this.#state === "open") this.#close();
    this.#settle((waiter) => {
      waiter.reject(reason);
    });
    this.#aborter.abort(reason);
  }

  async #load(): Promise<void> {
    const entries = [...this.#entries];
    const { clock, load } = this.#options;
    const deadline = latestOf(this.#entries.values());
    const { signal } = this.#aborter;
    const timeoutMs = deadline === undefined ? undefined : Math.max(0, deadline - clock.now());
    const keys = entries.map(([, { key }]) => key);
    // The deadline and the signal around here are those of one of many.
    const context = { ...currentContext(), deadline, signal };
    let result: BatchResult<Value>;
    try {
      result = await startContext(context, () => load(keys, { signal, timeoutMs }));
      this.#check(result, keys.length);
    } catch (error) {
      this.#settle((waiter) => {
        waiter.reject(error);
      });
      return;
    }
    if (this.#state === "done") return;
    this.#done();
    for (const [index, [identity, entry]] of entries.entries()) {
      const found = isList(result)
        ? inList(result, index)
        : (inMap(result, entry.key) ?? inMap(result, identity));
      const { value } = found ?? { value: this.#broken("it brought nothing for a key") };
      for (const waiter of entry.waiters) {
        if (value instanceof Error) waiter.reject(value);
        else waiter.resolve(value);
      }
    }
  }

  #check(result: unknown, length: number): void {
    if (result instanceof Map) return;
    if (!Array.isArray(result)) throw this.#broken("it brought neither an array nor a Map");
    if (result.length !== length) throw this.#broken(`it brought ${result.length} values for ${length} keys`);
  }

  #broken(what: string): ProxylessError {
    return new ProxylessError(
      "ERR_PROXYLESS_CONTRACT",
      `the load of ${this.#options.name} is wrong: ${what}`,
    );
  }

  #settle(end: (waiter: BatchWaiter<Key, Value>) => void): void {
    if (this.#state === "done") return;
    this.#done();
    for (const { waiters } of this.#entries.values()) for (const waiter of waiters) end(waiter);
  }

  #close(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#onClosed(this);
  }

  #done(): void {
    this.#state = "done";
    this.#onDone(this);
  }
}

/** When the most patient one gives up; undefined where one never does. */
function latestOf<Key, Value>(entries: Iterable<Entry<Key, Value>>): number | undefined {
  let latest = -Infinity;
  for (const { waiters } of entries) {
    for (const { deadline } of waiters) {
      if (deadline === undefined) return undefined;
      latest = Math.max(latest, deadline);
    }
  }
  return latest;
}

function isList<T>(result: readonly T[] | ReadonlyMap<unknown, T>): result is readonly T[] {
  return Array.isArray(result);
}

/** What stands there; undefined is a value as well. */
function inList<T>(list: readonly T[], index: number): { readonly value: T } | undefined {
  return index in list ? { value: list[index]! } : undefined;
}

function inMap<T>(map: ReadonlyMap<unknown, T>, key: unknown): { readonly value: T } | undefined {
  return map.has(key) ? { value: map.get(key)! } : undefined;
}

function onWaited<Key, Value>(batch: Batch<Key, Value>): void {
  batch.dispatch();
}

/** After the promises that are resolved by now, and what they resolve: requests often come out of several `await`s in a row. */
function afterThis<Key, Value>(batch: Batch<Key, Value>): void {
  queueMicrotask(() => {
    process.nextTick(onWaited, batch);
  });
}
