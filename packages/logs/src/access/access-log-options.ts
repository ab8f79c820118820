import { configError, systemClock, systemRandom } from "@proxyless/core";
import type { Clock, MeshEventOf, Random } from "@proxyless/core";
import { isRecord, knownKeys, record, wholeNumber } from "@proxyless/core/discovery";

import { share } from "../share.ts";
import { envoyFormat, lineFormat } from "./format.ts";
import type { JsonFormat, LineFormat } from "./format.ts";
import type { LineTarget } from "./line-writer.ts";

/** Which calls are logged. Those that match `errors` or `slowerThanMs` always are, and of all others a share. */
export interface AccessFilter {
  /** Every call whose outcome is not `success`. Default: `false`. */
  readonly errors?: boolean | undefined;
  /** Every call that took longer, in milliseconds, 0 to 3,600,000. Default: none for being slow. */
  readonly slowerThanMs?: number | undefined;
  /** The share of all other calls, chosen by chance, 0 to 1. Default: 0 beside one of the above, otherwise 1. */
  readonly share?: number | undefined;
}

/** How calls are logged. */
export interface AccessLogOptions {
  /** Envoy's format strings: one for a text, or one for each field of a JSON line. Default: {@link envoyFormat}. */
  readonly format?: string | JsonFormat | undefined;
  /** Leaves out what is not known, in place of `-` in text and `null` in JSON. Default: `false`. */
  readonly omitEmpty?: boolean | undefined;
  /** Default: every call. */
  readonly filter?: AccessFilter | undefined;
  /** How many lines are kept while the destination takes none, 0 to 1,000,000; more are dropped. Default: 10,000. */
  readonly maxBufferedLines?: number | undefined;
  /** How long `stop` waits for the destination, in milliseconds, 0 to 60,000. Default: 2,000. */
  readonly flushMs?: number | undefined;
  /** Hears how many lines were dropped, when lines are taken again. Default: a warning of the process, once. */
  readonly onDropped?: ((lines: number) => void) | undefined;
  /** The source of time; the system's by default. */
  readonly clock?: Clock | undefined;
  /** The source of chance; the system's by default. */
  readonly random?: Random | undefined;
}

/** {@link AccessLogOptions}, checked and complete. */
export interface ResolvedAccessLog {
  readonly format: LineFormat;
  /** Whether a call is logged. */
  readonly admits: (event: MeshEventOf<"call.completed">) => boolean;
  readonly maxBufferedLines: number;
  readonly flushMs: number;
  readonly onDropped: ((lines: number) => void) | undefined;
  readonly clock: Clock;
}

const keys = ["format", "omitEmpty", "filter", "maxBufferedLines", "flushMs", "onDropped", "clock", "random"];

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveAccessLog(target: LineTarget, options: AccessLogOptions): ResolvedAccessLog {
  checkTarget(target);
  knownKeys("", record("options", options), keys);
  const { clock, filter, flushMs, format, maxBufferedLines, omitEmpty, onDropped, random } = options;
  if (onDropped !== undefined && typeof onDropped !== "function") {
    throw configError("onDropped", "a function", onDropped);
  }
  return Object.freeze({
    format: lineFormat(format ?? envoyFormat, flag("omitEmpty", omitEmpty), "format"),
    admits: filterOf(filter ?? {}, random ?? systemRandom),
    maxBufferedLines: wholeNumber("maxBufferedLines", maxBufferedLines, 10_000, 0, 1_000_000),
    flushMs: wholeNumber("flushMs", flushMs, 2000, 0, 60_000),
    onDropped,
    clock: clock ?? systemClock,
  });
}

function checkTarget(target: unknown): void {
  const isStream =
    isRecord(target) &&
    ["write", "on", "off"].every((name) => typeof target[name] === "function") &&
    target["destroyed"] !== true;
  if (!isStream && typeof target !== "function") {
    throw configError("destination", "a writable stream or a function", target);
  }
}

function filterOf(filter: AccessFilter, random: Random): ResolvedAccessLog["admits"] {
  knownKeys("filter", record("filter", filter), ["errors", "slowerThanMs", "share"]);
  const errors = flag("filter.errors", filter.errors);
  const slowerThanMs =
    filter.slowerThanMs === undefined
      ? Infinity
      : wholeNumber("filter.slowerThanMs", filter.slowerThanMs, 0, 0, 3_600_000);
  const others = share("filter.share", filter.share) ?? (errors || slowerThanMs < Infinity ? 0 : 1);
  return ({ durationMs, outcome }) =>
    (errors && outcome !== "success") ||
    durationMs > slowerThanMs ||
    others === 1 ||
    (others > 0 && random() < others);
}

function flag(field: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") throw configError(field, "true or false", value);
  return value;
}
