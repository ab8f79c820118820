import type { Clock } from "../../clock.ts";
import { currentContext, startContext } from "../../context/call-context.ts";
import type { CallRequest } from "../request.ts";
import type { LayerScope } from "./layer.ts";

/**
 * The request with what its surroundings say of time and cancellation written into it: layers keep requests and pass them on at other
 * moments, in other surroundings.
 */
export function selfContained(request: CallRequest, { totalMs }: LayerScope, clock: Clock): CallRequest {
  const context = currentContext();
  if (context?.deadline === undefined && context?.signal === undefined) return request;
  const { deadline, signal } = context;
  const given = request.timeoutMs ?? totalMs;
  return {
    ...request,
    // Never 0: a call whose time is over fails as any other does, a moment later.
    timeoutMs: deadline === undefined ? given : Math.max(1, Math.min(given, deadline - clock.now())),
    signal: signal === undefined ? request.signal : either(signal, request.signal),
  };
}

/** Runs something that more than one call depends on: neither the time nor the cancellation of the one that begins it may end it. */
export function detached(run: () => void): void {
  const context = currentContext();
  if (context === undefined) run();
  else startContext({ ...context, deadline: undefined, signal: undefined }, run);
}

function either(a: AbortSignal, b: AbortSignal | undefined): AbortSignal {
  return b === undefined || a === b ? a : AbortSignal.any([a, b]);
}
