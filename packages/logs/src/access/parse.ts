import { configError } from "@proxyless/core";

/** `%NAME(argument):maxLength%` of a format. */
export interface Command {
  readonly name: string;
  readonly argument: string | undefined;
  readonly maxLength: number | undefined;
}

/** A piece of a format: text as it is, or a command. */
export type Piece = string | Command;

const MAX_CHARS = 10_000;
// An argument may hold `%` of its own, as in START_TIME(%s.%3f).
const command = /%(?<name>[A-Z0-9_]+)(?:\((?<argument>[^\n]*?)\))?(?::(?<length>\d{1,6}))?%/y;

/**
 * Reads a format string of Envoy's: text with commands between `%`; `%%` is one `%`.
 * @param field of the format in error messages
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a `%` that begins no command
 */
export function parseFormat(format: string, field: string): readonly Piece[] {
  if (format.length > MAX_CHARS) throw configError(field, `at most ${MAX_CHARS} characters long`, format);
  const pieces: Piece[] = [];
  let text = "";
  for (let at = 0; at < format.length;) {
    const next = format.indexOf("%", at);
    if (next === -1) {
      text += format.slice(at);
      break;
    }
    text += format.slice(at, next);
    if (format[next + 1] === "%") {
      text += "%";
      at = next + 2;
      continue;
    }
    command.lastIndex = next;
    const groups = command.exec(format)?.groups;
    if (groups === undefined) {
      throw configError(field, "text with %COMMAND%s, and %% for a percent sign", format.slice(next));
    }
    if (text !== "") pieces.push(text);
    text = "";
    const { argument, length, name = "" } = groups;
    pieces.push({ name, argument, maxLength: length === undefined ? undefined : Number(length) });
    at = command.lastIndex;
  }
  if (text !== "") pieces.push(text);
  return pieces;
}
