import { channel } from "node:diagnostics_channel";

import { context, createContextKey } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";

import type { Attempt } from "../transport/attempt.ts";
import type { AttemptRequest } from "../transport/pools.ts";
import type { Transport } from "../transport/transport.ts";

/** Where undici tells of every request, and `@opentelemetry/instrumentation-undici` listens. */
const undiciRequests = channel("undici:request:create");
/** By this name the OpenTelemetry SDK knows work that is not to be traced. */
const suppressTracing = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

let isSending = false;

/**
 * Whether undici is just now being handed an attempt of a mesh. For what watches undici's own requests and would count
 * or trace those of a mesh a second time: `new UndiciInstrumentation({ ignoreRequestHook: inAttempt })`.
 */
export function inAttempt(): boolean {
  return isSending;
}

/**
 * Sends an attempt. Where the call is traced and somebody watches undici's requests, in a context in which no further span
 * is begun for it.
 */
export function sendOwn(
  parent: Context,
  isTraced: boolean,
  transport: Pick<Transport, "send">,
  attempt: Attempt,
  request: AttemptRequest,
): void {
  const wasSending = isSending;
  isSending = true;
  try {
    if (isTraced && undiciRequests.hasSubscribers) {
      context.with(parent.setValue(suppressTracing, true), () => {
        transport.send(attempt, request);
      });
    } else transport.send(attempt, request);
  } finally {
    isSending = wasSending;
  }
}
