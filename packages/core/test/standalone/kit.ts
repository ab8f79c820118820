import { ProxylessError } from "../../src/errors.ts";
import { seededRandom } from "../../src/random.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

/** A promise that is settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<T = void>(): Deferred<T> {
  return Promise.withResolvers<T>();
}

/** Options on a clock that stands still and seeded chance. */
export function still(seed = 1): { readonly clock: ManualClock; readonly random: () => number } {
  return { clock: new ManualClock(), random: seededRandom(seed) };
}

/** The error with which a promise rejects; `undefined` where it resolves. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The ProxylessError with which a promise rejects. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await failureOf(promise);
  return error instanceof ProxylessError ? error.code : `no ProxylessError: ${String(error)}`;
}

/** The message of the error that making something throws. */
export function refusalOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof ProxylessError && error.code === "ERR_PROXYLESS_CONFIG") return error.message;
    throw error;
  }
  return "nothing was refused";
}

export class Down extends Error {}

export function down(): Promise<never> {
  return Promise.reject(new Down("it is down"));
}

/** Lets every promise that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
