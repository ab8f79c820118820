import { isHeader } from "../header-list.ts";
import type { PickRequest } from "./picker.ts";

/** The value of a request's cookie, as it stands there; undefined where there is none, or an empty one. The first one counts. */
export function cookieValue(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!isHeader(headers[i]!, "cookie")) continue;
    const value = pairValue(headers[i + 1]!, name, 0, ";");
    if (value !== undefined) return value === "" ? undefined : value;
  }
  return undefined;
}

/** The value of a query parameter, decoded; undefined where there is none, or an empty one. The first one counts. */
export function queryValue(path: string, name: string): string | undefined {
  const mark = path.indexOf("?");
  if (mark === -1) return undefined;
  const value = pairValue(path, name, mark + 1, "&");
  return value === undefined || value === "" ? undefined : decoded(value.replaceAll("+", " "));
}

/**
 * What stands in the path where its template has `{name}`, decoded; undefined where there is no template or no such
 * parameter in it. A parameter fills its segment, but for text right before and after it (`{id}.json`).
 */
export function pathParameter({ path, template }: PickRequest, name: string): string | undefined {
  const token = `{${name}}`;
  const at = template?.indexOf(token) ?? -1;
  if (template === undefined || at === -1) return undefined;
  const end = endOf(path, "?", 0);
  let from = 0;
  // Values never contain a slash, so that both have the same segments.
  for (
    let slash = template.indexOf("/");
    slash !== -1 && slash < at;
    slash = template.indexOf("/", slash + 1)
  ) {
    from = path.indexOf("/", from) + 1;
    if (from === 0 || from > end) return undefined;
  }
  const before = template.slice(template.lastIndexOf("/", at) + 1, at);
  const after = template.slice(at + token.length, endOf(template, "/", at));
  const segment = path.slice(from, Math.min(endOf(path, "/", from), end));
  if (segment.length <= before.length + after.length) return undefined;
  if (!segment.startsWith(before) || !segment.endsWith(after)) return undefined;
  return decoded(segment.slice(before.length, segment.length - after.length));
}

/** The value behind `name=` in a list of pairs. */
function pairValue(text: string, name: string, start: number, separator: string): string | undefined {
  let from = start;
  while (from < text.length) {
    const end = endOf(text, separator, from);
    while (text.charCodeAt(from) === SPACE) from++;
    const equals = from + name.length;
    if (equals < end && text.charCodeAt(equals) === EQUALS && text.startsWith(name, from)) {
      return text.slice(equals + 1, end).trim();
    }
    from = end + 1;
  }
  return undefined;
}

const SPACE = 0x20;
const EQUALS = 0x3d;

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at;
}

/** So that a value is the same key however its sender encodes it. */
function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
