import { ROOT_CONTEXT, TraceFlags, context, trace } from "@opentelemetry/api";
import { plainText } from "@proxyless/core";
import type { Mesh, MeshEvent, MeshEventType, TraceIds } from "@proxyless/core";

import { eventTypes } from "./catalog/catalog.ts";
import { time } from "./catalog/words.ts";
import { resolveEventLog } from "./event-log-options.ts";
import type { EventLogOptions, ResolvedEventLog, TypeRules } from "./event-log-options.ts";
import { fieldsOf, traceOf } from "./fields.ts";
import type { FieldsFirstLogger, Level, LogFields } from "./logger.ts";
import { Repeats } from "./repeats.ts";
import { Trouble } from "./trouble.ts";

/** What a log listens to. */
export type EventSource = Pick<Mesh, "on">;

/** The log of a mesh's events, until it is stopped. */
export interface EventLog extends Disposable {
  /** How often the logger failed. Calls are not touched by it; the first time is said as a warning of the process. */
  readonly failures: number;
  /** Says what is still held back, and ends: no listener and no timer is left. */
  stop(): void;
}

/**
 * Says the events of a mesh to a logger: pino, or any other that takes fields and then a message; `messageFirst` makes one of
 * `console` or a winston logger. Levels, shares and repetition are in the options. What nobody wants to hear is not listened to.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option
 */
export function logEvents(
  mesh: EventSource,
  logger: FieldsFirstLogger,
  options: EventLogOptions = {},
): EventLog {
  return new Listening(mesh, logger, resolveEventLog(logger, options));
}

/** What is to be said. Its text is made only then: of many that are the same, of one. */
interface Line {
  readonly event: MeshEvent;
  readonly level: Level;
  readonly say: (event: MeshEvent) => string;
}

class Listening implements EventLog {
  readonly #logger: FieldsFirstLogger;
  readonly #options: ResolvedEventLog;
  readonly #repeats: Repeats<Line> | undefined;
  readonly #trouble = new Trouble("the logger of the mesh's events");
  readonly #ends: (() => void)[] = [];

  constructor(mesh: EventSource, logger: FieldsFirstLogger, options: ResolvedEventLog) {
    this.#logger = logger;
    this.#options = options;
    const { clock, repeats } = options;
    if (repeats !== false) {
      this.#repeats = new Repeats(clock, repeats.windowMs, repeats.maxKeys, (last, held, overMs) => {
        this.#sumUp(last, held, overMs);
      });
    }
    for (const type of eventTypes) this.#listen(mesh, type);
  }

  get failures(): number {
    return this.#trouble.count;
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#repeats?.close();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #listen(mesh: EventSource, type: MeshEventType): void {
    const rules = this.#options.rulesOf(type);
    if (rules.level === false || rules.share === 0) return;
    const listener = (event: MeshEvent): void => {
      this.#trouble.guard(() => {
        this.#hear(event, rules);
      });
    };
    this.#ends.push(mesh.on(type, listener));
  }

  #hear(event: MeshEvent, { level: rule, say, same, share }: TypeRules<MeshEventType>): void {
    const level = typeof rule === "function" ? rule(event) : rule;
    if (level === false || this.#logger.isLevelEnabled?.(level) === false) return;
    if (share < 1 && this.#options.random() >= share) return;
    const line: Line = { event, level, say };
    if (this.#repeats === undefined || same === false) this.#say(line);
    else if (this.#repeats.admit(keyOf(event, same(event)), line)) this.#say(line);
  }

  #sumUp({ event, level, say }: Line, held: number, overMs: number): void {
    this.#trouble.guard(() => {
      // It stands for several calls, so that it belongs to the trace of none.
      const { trace_id: _, span_id: __, trace_flags: ___, ...fields } = fieldsOf(event);
      const repeated = { "proxyless.repeated": held, "proxyless.repeated_ms": Math.round(overMs) };
      const times = held === 1 ? "once more" : `${held} times`;
      const message = `${plainText(say(event))} (repeated ${times} in ${time(overMs)})`;
      this.#write(level, Object.assign(fields, repeated), message, undefined);
    });
  }

  #say({ event, level, say }: Line): void {
    this.#write(level, fieldsOf(event), plainText(say(event)), traceOf(event));
  }

  /** The context is the event's own: the one that is active belongs to whatever call once opened the connection. */
  #write(level: Level, fields: LogFields, message: string, ids: TraceIds | undefined): void {
    const own = ids === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(ids));
    context.with(own, () => {
      this.#trouble.guard(() => {
        const logger = this.#logger;
        return level === "trace" && logger.trace === undefined
          ? logger.debug(fields, message)
          : logger[level]?.(fields, message);
      });
    });
  }
}

function spanContextOf({ isSampled, spanId, traceId }: TraceIds): Parameters<typeof trace.setSpanContext>[1] {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}

function keyOf(event: MeshEvent, same: unknown): string {
  const endpoint = "endpoint" in event ? (event.endpoint ?? "") : "";
  return `${event.type} ${event.service ?? ""} ${endpoint} ${String(same).slice(0, 300)}`;
}
