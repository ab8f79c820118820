import { headerValue } from "../../header-list.ts";

/** What a request's headers ask to be done to it. */
export interface AskedFault {
  readonly delayMs: number | undefined;
  readonly delayPercent: number;
  /** A status. */
  readonly abort: number | undefined;
  readonly abortPercent: number;
}

const digits = /^\d{1,10}$/;
const decimal = /^\d{1,3}(?:\.\d{1,6})?$/;
const maxMs = 2 ** 31 - 1;

/**
 * Reads the headers by which Envoy's fault filter is asked for faults; undefined where they ask for none. What cannot be meant is
 * passed over, as Envoy does: they may come from far away.
 */
export function askedFault(headers: readonly string[]): AskedFault | undefined {
  const delay = numberIn(headers, "x-envoy-fault-delay-request", digits, 0, maxMs);
  const abort = numberIn(headers, "x-envoy-fault-abort-request", digits, 200, 599);
  if (delay === undefined && abort === undefined) return undefined;
  return {
    delayMs: delay,
    delayPercent: numberIn(headers, "x-envoy-fault-delay-request-percentage", decimal, 0, 100) ?? 100,
    abort,
    abortPercent: numberIn(headers, "x-envoy-fault-abort-request-percentage", decimal, 0, 100) ?? 100,
  };
}

function numberIn(
  headers: readonly string[],
  name: string,
  form: RegExp,
  min: number,
  max: number,
): number | undefined {
  const text = headerValue(headers, name);
  if (text === undefined || !form.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}
