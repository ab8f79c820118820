import type { Span } from "@opentelemetry/api";

import { configError } from "../errors.ts";
import type { ErrorCode, ReasonFlag } from "../errors.ts";
import type { AnsweredBy, Outcome, PickFlag, Tags, TagValue } from "../events.ts";
import { checkObject, fieldPath } from "../option-checks.ts";
import { CallHooking } from "./call-hooking.ts";
import type { CallRequest } from "./request.ts";

/** What a hook may add to a call or an attempt. */
export interface Hooked {
  /** What was tagged so far. */
  readonly tags: Tags;
  /**
   * Sends a header in place of one of the same name; of a call: with each of its attempts.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what is no header, and for those of the connection
   */
  setHeader(name: string, value: string): void;
  /**
   * Adds an attribute to the span, and a tag to the event of the end.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what is no tag
   */
  setTag(name: string, value: TagValue): void;
}

/** A call, as hooks know it. */
export interface HookedCall extends Hooked {
  readonly service: string;
  /** The route whose policy is followed; undefined for the service's own. */
  readonly route: string | undefined;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Path template, where the caller knows one. */
  readonly template: string | undefined;
  /** Of the call's span; undefined where nobody traces. */
  readonly traceId: string | undefined;
  /** A header of the request, as the caller gave it or a hook set it for the call; several of a name are joined by commas. */
  header(name: string): string | undefined;
}

/** One try of a call, as hooks know it. */
export interface HookedAttempt extends Hooked {
  readonly call: HookedCall;
  /** From 1. */
  readonly number: number;
  /** `host:port`. */
  readonly endpoint: string;
  /** How the endpoint was chosen. */
  readonly pick: PickFlag;
  /** It is sent beside another one that takes long. */
  readonly isHedge: boolean;
}

/** How an attempt ended. */
export interface HookedAttemptEnd {
  readonly outcome: Outcome;
  /** Undefined without an answer. */
  readonly status: number | undefined;
  readonly error: unknown;
  readonly durationMs: number;
}

/** How a call ended. */
export interface HookedCallEnd extends HookedAttemptEnd {
  readonly code: ErrorCode | undefined;
  readonly flag: ReasonFlag | undefined;
  readonly attempts: number;
  /** Whose answer the caller gets; undefined without one. */
  readonly answeredBy: AnsweredBy | undefined;
  /** A header of the answer; several of a name are joined by commas. Undefined without an answer. */
  responseHeader(name: string): string | undefined;
}

/**
 * Functions that are called around each call and each attempt, at once and in the order in which they were given. One that
 * throws does not break the call: its error is rethrown apart from it, as an uncaught one.
 */
export interface CallHooks {
  /** A call begins: nothing is decided yet. */
  readonly beforeCall?: ((call: HookedCall) => void) | undefined;
  /** The call is over; its caller has not heard of it yet. */
  readonly afterCall?: ((call: HookedCall, end: HookedCallEnd) => void) | undefined;
  /** An attempt is about to be sent to its endpoint. */
  readonly beforeAttempt?: ((attempt: HookedAttempt) => void) | undefined;
  /** The attempt is over. */
  readonly afterAttempt?: ((attempt: HookedAttempt, end: HookedAttemptEnd) => void) | undefined;
}

const hookKeys = ["beforeCall", "afterCall", "beforeAttempt", "afterAttempt"];

/** The hooks of a mesh. Without any nothing is made for a call. */
export class HookList {
  #all: readonly CallHooks[] = [];

  /**
   * @param path of the hooks in error messages
   * @returns what takes them away again; calls in flight keep them
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what are no hooks
   */
  add(hooks: CallHooks, path: string): () => void {
    for (const [key, value] of Object.entries(checkObject(hooks, path, hookKeys))) {
      if (value !== undefined && typeof value !== "function") {
        throw configError(fieldPath(path, key), "a function", value);
      }
    }
    const added = { ...hooks };
    this.#all = [...this.#all, added];
    return () => {
      this.#all = this.#all.filter((each) => each !== added);
    };
  }

  get any(): boolean {
    return this.#all.length > 0;
  }

  /** A call begins. @returns undefined where nobody wants to hear of it */
  begin(
    service: string,
    route: string | undefined,
    request: CallRequest,
    span: Span | undefined,
  ): CallHooking | undefined {
    return this.#all.length === 0 ? undefined : new CallHooking(this.#all, service, route, request, span);
  }
}
