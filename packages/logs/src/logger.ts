import { configError } from "@proxyless/core";

/** How much a line matters. */
export type Level = "trace" | "debug" | "info" | "warn" | "error";

/** Every {@link Level}, least first. */
export const levels: readonly Level[] = ["trace", "debug", "info", "warn", "error"];

/** What a line carries beside its message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Says one line: its fields, then its message. */
export type LogMethod = (fields: LogFields, message: string) => unknown;

/** What pino's loggers have, Fastify's and Bunyan's too: fields first, then the message. */
export interface FieldsFirstLogger {
  /** What is said here is said by `debug` where it is missing. */
  readonly trace?: LogMethod | undefined;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** Where it is there and answers `false`, nothing is made for a line of that level. */
  readonly isLevelEnabled?: ((level: string) => boolean) | undefined;
}

/** Says one line: its message, then its fields. */
type MessageMethod = (message: string, fields: LogFields) => unknown;

/** What `console` and winston's loggers have: the message first, then the fields. */
export interface MessageFirstLogger {
  readonly debug: MessageMethod;
  readonly info: MessageMethod;
  readonly warn: MessageMethod;
  readonly error: MessageMethod;
}

/**
 * A logger that takes the message first (`console`, winston), as one that takes the fields first. What is less than `debug`
 * is said by `debug`: the `trace` of `console` writes stacks, and winston has none.
 * @param least what matters less is not said: `console` has no level of its own. Default: `trace`, everything.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what is no level
 */
export function messageFirst(logger: MessageFirstLogger, least: Level = "trace"): FieldsFirstLogger {
  const from = levels.indexOf(least);
  if (from === -1) throw configError("least", `one of ${levels.join(", ")}`, least);
  return {
    debug: (fields, message) => logger.debug(message, fields),
    info: (fields, message) => logger.info(message, fields),
    warn: (fields, message) => logger.warn(message, fields),
    error: (fields, message) => logger.error(message, fields),
    isLevelEnabled: (level) => levels.findIndex((one) => one === level) >= from,
  };
}
