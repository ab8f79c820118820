import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import { checkNumber, checkObject } from "../option-checks.ts";

/** What a load is told besides its keys. */
export interface BatchContext {
  /** Aborts when nobody waits for the batch any more. */
  readonly signal: AbortSignal;
  /**
   * How long anybody will wait for the batch, in milliseconds: as long as the most patient of those who do. Undefined where one of them waits
   * for ever. Calls of the mesh inside of `load` keep to it by themselves.
   */
  readonly timeoutMs: number | undefined;
}

/**
 * What a load brings: in the order of the keys, or by key (or by what the option `key` makes of it). An `Error` is the answer to its key alone.
 */
export type BatchResult<Value> = readonly (Value | Error)[] | ReadonlyMap<unknown, Value | Error>;

/** Loads the values of several keys at once. What it throws is the answer to every key. */
export type BatchLoad<Key, Value> = (
  keys: readonly Key[],
  context: BatchContext,
) => BatchResult<Value> | Promise<BatchResult<Value>>;

/** How single requests become batches. */
export interface BatcherOptions<Key, Value> {
  readonly load: BatchLoad<Key, Value>;
  /** The most different keys in a batch, 1 to 100,000; 100 by default. A full batch is loaded at once. */
  readonly maxSize?: number | undefined;
  /**
   * How long the first key of a batch waits for others, in milliseconds, 0 to 60,000. 0, the default, is until the code that runs now, and the
   * promises it resolved, have got as far as they can.
   */
  readonly maxWaitMs?: number | undefined;
  /** What makes two keys the same, compared as a `Map` does; the key itself by default, which is right for strings and numbers. */
  readonly key?: ((key: Key) => unknown) | undefined;
  /** Names the batcher in errors; `batch` by default. */
  readonly name?: string | undefined;
  /** The real clock by default. */
  readonly clock?: Clock | undefined;
}

/** {@link BatcherOptions} with every field known. */
export interface ResolvedBatcher<Key, Value> {
  readonly load: BatchLoad<Key, Value>;
  readonly maxSize: number;
  readonly maxWaitMs: number;
  readonly key: (key: Key) => unknown;
  readonly name: string;
  readonly clock: Clock;
}

const keys = ["load", "maxSize", "maxWaitMs", "key", "name", "clock"];

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveBatcher<Key, Value>(options: BatcherOptions<Key, Value>): ResolvedBatcher<Key, Value> {
  checkObject(options, "", keys);
  const { clock = systemClock, key = itself, load, name = "batch" } = options;
  if (typeof load !== "function") throw configError("load", "a function", load);
  if (typeof key !== "function") throw configError("key", "a function", key);
  if (typeof name !== "string" || name === "") throw configError("name", "a name", name);
  const size = { min: 1, max: 100_000, integer: true };
  return {
    load,
    maxSize: checkNumber(options.maxSize, "maxSize", size) ?? 100,
    maxWaitMs: checkNumber(options.maxWaitMs, "maxWaitMs", { min: 0, max: 60_000 }) ?? 0,
    key,
    name,
    clock,
  };
}

function itself(key: unknown): unknown {
  return key;
}
