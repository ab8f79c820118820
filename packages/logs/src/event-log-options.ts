import { configError, systemClock, systemRandom } from "@proxyless/core";
import type { Clock, MeshEventType, Random } from "@proxyless/core";
import { isRecord, knownKeys, record, wholeNumber } from "@proxyless/core/discovery";

import { catalog, eventTypes } from "./catalog/catalog.ts";
import type { Entry, LevelRule } from "./catalog/entry.ts";
import { levels } from "./logger.ts";
import type { FieldsFirstLogger } from "./logger.ts";
import { share } from "./share.ts";

/** How events that say the same are summed up. */
export interface RepeatOptions {
  /** How long what was said once is not said again, in milliseconds, 100 to 3,600,000. Default: 10,000. */
  readonly windowMs?: number | undefined;
  /** How many different ones are remembered, 1 to 100,000; the oldest gives way. Default: 1,000. */
  readonly maxKeys?: number | undefined;
}

/** How the events of a mesh are said. */
export interface EventLogOptions {
  /**
   * Levels by type of event: `trace`, `debug`, `info`, `warn`, `error`, `false` for never, or a function of the event.
   * Default: the table in `docs/logs.md`; `call.completed` and `attempt.completed` are `false`.
   */
  readonly levels?: { readonly [T in MeshEventType]?: LevelRule<T> | undefined } | undefined;
  /** Which share of a type's events is said, chosen by chance, 0 to 1. Default: 1 for each. */
  readonly shares?: { readonly [T in MeshEventType]?: number | undefined } | undefined;
  /** Default: the same event is said once in 10 seconds, and then summed up. `false`: every event is said. */
  readonly repeats?: RepeatOptions | false | undefined;
  /** The source of time; the system's by default. */
  readonly clock?: Clock | undefined;
  /** The source of chance; the system's by default. */
  readonly random?: Random | undefined;
}

/** What applies to the events of one type. */
export type TypeRules<T extends MeshEventType> = Entry<T> & { readonly share: number };

/** {@link EventLogOptions}, checked and complete. */
export interface ResolvedEventLog {
  rulesOf<T extends MeshEventType>(type: T): TypeRules<T>;
  readonly repeats: { readonly windowMs: number; readonly maxKeys: number } | false;
  readonly clock: Clock;
  readonly random: Random;
}

const keys = ["levels", "shares", "repeats", "clock", "random"];

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveEventLog(logger: FieldsFirstLogger, options: EventLogOptions): ResolvedEventLog {
  checkLogger(logger);
  knownKeys("", record("options", options), keys);
  const given = { levels: options.levels ?? {}, shares: options.shares ?? {} };
  for (const field of ["levels", "shares"] as const)
    knownKeys(field, record(field, given[field]), eventTypes);
  for (const [type, rule] of Object.entries(given.levels)) checkLevel(`levels.${type}`, rule);
  for (const [type, part] of Object.entries(given.shares)) share(`shares.${type}`, part);
  return Object.freeze({
    rulesOf: <T extends MeshEventType>(type: T): TypeRules<T> => {
      const level: LevelRule<T> | undefined = given.levels[type];
      return { ...entryOf(type), ...(level === undefined ? {} : { level }), share: given.shares[type] ?? 1 };
    },
    repeats: resolveRepeats(options.repeats),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}

function entryOf<T extends MeshEventType>(type: T): Entry<T> {
  return catalog[type];
}

function checkLogger(logger: unknown): void {
  const methods = ["debug", "info", "warn", "error"];
  const isOne = isRecord(logger) && methods.every((name) => typeof logger[name] === "function");
  if (!isOne) throw configError("logger", `an object with the methods ${methods.join(", ")}`, logger);
}

function checkLevel(field: string, rule: unknown): void {
  if (rule === undefined || rule === false || typeof rule === "function") return;
  if (!levels.some((level) => level === rule))
    throw configError(field, `${levels.join(", ")}, false or a function`, rule);
}

function resolveRepeats(given: RepeatOptions | false | undefined): ResolvedEventLog["repeats"] {
  if (given === false) return false;
  const { maxKeys, windowMs } = given ?? {};
  knownKeys("repeats", record("repeats", given ?? {}), ["windowMs", "maxKeys"]);
  return {
    windowMs: wholeNumber("repeats.windowMs", windowMs, 10_000, 100, 3_600_000),
    maxKeys: wholeNumber("repeats.maxKeys", maxKeys, 1000, 1, 100_000),
  };
}
