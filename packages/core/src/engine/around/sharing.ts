import { ProxylessError } from "../../errors.ts";
import { headerValue } from "../../header-list.ts";
import type { RequestKeys } from "../../policies/request-key.ts";
import type { ResponseHeaders } from "../request.ts";

/** Whether an answer may be given to others than the one who asked: a cookie that is being set is meant for one alone. */
export function maySpread(headers: ResponseHeaders): boolean {
  return headers["set-cookie"] === undefined && !namesIn(headers["vary"]).includes("*");
}

/** Whether an answer, by its `vary`, holds for another request that has the same key as the one it was made for. */
export function holdsFor(
  headers: ResponseHeaders,
  keys: RequestKeys,
  asked: readonly string[],
  other: readonly string[],
): boolean {
  return namesIn(headers["vary"]).every(
    (name) => keys.counts(name) || headerValue(asked, name) === headerValue(other, name),
  );
}

/** Names in a header that lists them, in lower case. */
function namesIn(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return none;
  const text = typeof value === "string" ? value : value.join(",");
  return text.split(",").map((name) => name.trim().toLowerCase());
}

/** Whether a call failed for nothing but that its own time was over. */
export function isOverdue(error: unknown): boolean {
  return error instanceof ProxylessError && error.timeout === "total";
}

const none: readonly string[] = Object.freeze([]);
