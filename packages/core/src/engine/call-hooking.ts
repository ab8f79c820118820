import type { Span } from "@opentelemetry/api";

import { configError } from "../errors.ts";
import type { PickFlag, Tags, TagValue } from "../events.ts";
import { headerValue, setHeader } from "../header-list.ts";
import type { Attempt } from "../transport/attempt.ts";
import { connectionHeaders, headerNamePattern, headerValuePattern } from "./headers.ts";
import type { CallHooks, Hooked, HookedAttempt, HookedCall, HookedCallEnd } from "./hooks.ts";
import { pathOnly } from "./request.ts";
import type { CallRequest, ResponseHeaders } from "./request.ts";
import { traceOf } from "./telemetry.ts";

/** One call and its attempts, as its hooks see them, and what they set. */
export class CallHooking {
  readonly #hooks: readonly CallHooks[];
  readonly #call: SubjectCall;
  readonly #attempts = new Map<Attempt, SubjectAttempt>();

  constructor(
    hooks: readonly CallHooks[],
    service: string,
    route: string | undefined,
    request: CallRequest,
    span: Span | undefined,
  ) {
    this.#hooks = hooks;
    this.#call = new SubjectCall(service, route, request, span);
    this.#each(({ beforeCall }) => beforeCall?.(this.#call));
  }

  /** What was tagged; undefined where nothing was. */
  get tags(): Tags | undefined {
    return this.#call.anyTags;
  }

  /** Those headers and what hooks set for the call. @returns undefined where they set none */
  withHeaders(given: readonly string[]): readonly string[] | undefined {
    const { headers } = this.#call;
    if (headers.size === 0) return undefined;
    const all = [...given];
    for (const [name, value] of headers) setHeader(all, name, value);
    return all;
  }

  tagsOf(attempt: Attempt): Tags | undefined {
    return this.#attempts.get(attempt)?.anyTags;
  }

  /** An attempt is about to be sent with these headers, which are changed as the hooks wish. */
  attemptBegins(attempt: Attempt, headers: string[]): void {
    const subject = new SubjectAttempt(this.#call, attempt, headers);
    this.#attempts.set(attempt, subject);
    for (const [name, value] of this.#call.headers) setHeader(headers, name, value);
    this.#each(({ beforeAttempt }) => beforeAttempt?.(subject));
  }

  attemptEnded(attempt: Attempt, now: number): void {
    const subject = this.#attempts.get(attempt);
    if (subject === undefined) return;
    const { failure: error, outcome, startedAt, status } = attempt;
    const end = { outcome, status: status || undefined, error, durationMs: now - startedAt };
    this.#each(({ afterAttempt }) => afterAttempt?.(subject, end));
  }

  /** @param headers of the answer */
  ended(how: Omit<HookedCallEnd, "responseHeader">, headers: ResponseHeaders | undefined): void {
    const responseHeader = (name: string): string | undefined => {
      const value = headers?.[name.toLowerCase()];
      return typeof value === "object" ? value.join(", ") : value;
    };
    const end = { ...how, responseHeader };
    this.#each(({ afterCall }) => afterCall?.(this.#call, end));
  }

  #each(call: (hooks: CallHooks) => void): void {
    for (const hooks of this.#hooks) {
      try {
        call(hooks);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** What call and attempt have in common. */
abstract class Subject implements Hooked {
  readonly #span: Span | undefined;
  #tags: Record<string, TagValue> | undefined;

  constructor(span: Span | undefined) {
    this.#span = span;
  }

  get tags(): Tags {
    return this.#tags ?? {};
  }

  get anyTags(): Tags | undefined {
    return this.#tags;
  }

  setHeader(name: string, value: string): void {
    checkHeader(name, value);
    this.keepHeader(name.toLowerCase(), value);
  }

  setTag(name: string, value: TagValue): void {
    if (typeof name !== "string" || name === "") throw configError("the tag's name", "a text", name);
    if (!["string", "number", "boolean"].includes(typeof value)) {
      throw configError(`tag ${name}`, "a text, a number or a boolean", value);
    }
    this.#tags ??= {};
    this.#tags[name] = value;
    this.#span?.setAttribute(name, value);
  }

  protected abstract keepHeader(name: string, value: string): void;
}

class SubjectCall extends Subject implements HookedCall {
  readonly service: string;
  readonly route: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly template: string | undefined;
  readonly traceId: string | undefined;
  readonly headers = new Map<string, string>();
  readonly #given: readonly string[];

  constructor(service: string, route: string | undefined, request: CallRequest, span: Span | undefined) {
    super(span);
    this.service = service;
    this.route = route;
    this.method = request.method;
    this.path = pathOnly(request.path);
    this.template = request.template;
    this.traceId = traceOf(span)?.traceId;
    this.#given = request.headers;
  }

  header(name: string): string | undefined {
    const key = name.toLowerCase();
    return this.headers.get(key) ?? headerValue(this.#given, key);
  }

  protected override keepHeader(name: string, value: string): void {
    this.headers.set(name, value);
  }
}

class SubjectAttempt extends Subject implements HookedAttempt {
  readonly call: HookedCall;
  readonly number: number;
  readonly endpoint: string;
  readonly pick: PickFlag;
  readonly isHedge: boolean;
  readonly #headers: string[];

  constructor(call: HookedCall, attempt: Attempt, headers: string[]) {
    super(attempt.span);
    this.call = call;
    this.number = attempt.number;
    this.endpoint = attempt.endpoint.address;
    this.pick = attempt.pick;
    this.isHedge = attempt.isHedge;
    this.#headers = headers;
  }

  protected override keepHeader(name: string, value: string): void {
    setHeader(this.#headers, name, value);
  }
}

function checkHeader(name: unknown, value: unknown): void {
  if (typeof name !== "string" || !headerNamePattern.test(name)) {
    throw configError("the header's name", "a header name (RFC 9110)", name);
  }
  if (connectionHeaders.has(name.toLowerCase())) {
    throw configError("the header's name", "no header of the connection", name);
  }
  // What came is not said: it may be a credential.
  if (typeof value !== "string" || !headerValuePattern.test(value)) {
    throw configError(`header ${name}`, "a text without line breaks", typeof value);
  }
}
