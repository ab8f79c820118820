export type { Clock, TimerHandle } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { Random } from "./random.ts";
export { systemRandom } from "./random.ts";
