import type { EventHub } from "../../event-hub.ts";
import type { TraceIds } from "../../events.ts";
import type { Injection } from "../../policies/fault/fault-injector.ts";

/** Tells the listeners what is done to a request. */
export function reportFault(
  events: EventHub,
  of: { readonly service: string; readonly route: string | undefined },
  endpoint: string | undefined,
  number: number,
  { abort, delayMs }: Injection,
  trace: TraceIds | undefined,
): void {
  if (!events.wants("fault.injected")) return;
  const { route, service } = of;
  const flag = abort === undefined ? "DI" : "FI";
  events.emit({
    type: "fault.injected",
    service,
    route,
    endpoint,
    number,
    flag,
    delayMs,
    abort: nameOf(abort),
    trace,
  });
}

function nameOf(abort: Injection["abort"]): string | undefined {
  if (abort === undefined || typeof abort === "string") return abort;
  return abort instanceof Error ? "error" : String(abort.status);
}
