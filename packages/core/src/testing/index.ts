export { seededRandom } from "../random.ts";
export { ManualClock } from "./manual-clock.ts";
