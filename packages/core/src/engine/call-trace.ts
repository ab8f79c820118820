import type { Context, Span } from "@opentelemetry/api";

import type { TraceIds } from "../events.ts";
import { traceOf } from "./telemetry.ts";

/**
 * What traces a call that layers stand around: its span goes from the door to the answer, whoever gives that, and the engine's core
 * makes none of its own.
 */
export class CallTrace {
  /** The one that the call was made in. */
  readonly context: Context;
  /** Undefined where the core makes it: the call stands in for another one, in whose context it is made. */
  readonly span: Span | undefined;

  constructor(context: Context, span: Span | undefined) {
    this.context = context;
    this.span = span;
  }

  get ids(): TraceIds | undefined {
    return traceOf(this.span);
  }

  /** Answered from the cache of responses. */
  cached(how: "hit" | "revalidated" | "stale"): void {
    this.span?.setAttribute("proxyless.cache", how);
  }

  /** Got what another call brought. */
  coalesced(leader: CallTrace | undefined): void {
    this.span?.setAttribute("proxyless.coalesced", true);
    const of = leader?.span?.spanContext();
    // To what nobody recorded there is nothing to follow.
    if (of !== undefined && leader?.ids?.isSampled === true) this.span?.addLink({ context: of });
  }

  /** Something else was answered instead of a failure. */
  fellBack(to: "stale" | "service" | "function" | "value"): void {
    this.span?.setAttribute("proxyless.fallback", to);
  }
}
