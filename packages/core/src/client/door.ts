import type { Dispatcher } from "undici";

import type { Clock } from "../clock.ts";
import type { CallEngine, RouteDecision } from "../engine/request.ts";

/** What the doors that take URLs need of a mesh. */
export interface DoorContext {
  readonly engine: CallEngine;
  readonly clock: Clock;
  /**
   * What to do with a URL. Asked for every request and every redirect, so it must be cheap.
   * @param protocol `http:` or `https:`
   * @param host host name, with the port when it is not the protocol's own
   */
  decide(protocol: string, host: string): RouteDecision;
  /** The total time in milliseconds that a service's policy gives a call. */
  totalMs(service: string, method: string, path: string): number;
  /** Sends what goes out as it is. The doors never close it. */
  readonly external: Dispatcher;
}
