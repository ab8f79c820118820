import type { Clock } from "../clock.ts";
import type { EventHub } from "../event-hub.ts";
import type { Random } from "../random.ts";
import type { HookList } from "./hooks.ts";
import type { LoopLag } from "./loop-lag.ts";
import type { Telemetry } from "./telemetry.ts";

/** What every call of a mesh shares. */
export interface EngineParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly telemetry: Telemetry;
  readonly hooks: HookList;
  /** Undefined on a clock that cannot stand still against its own timers. */
  readonly lag: LoopLag | undefined;
}
