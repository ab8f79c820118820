export { seededRandom } from "../random.ts";
export type {
  OptionalSourceAbility,
  SourceAbility,
  SourceCase,
  SourceContractOptions,
  SourceHarness,
} from "./source-harness.ts";
export { sourceContract } from "./describe-source.ts";
export type { FakeSource, FakeSourceOptions, FakeWatch } from "./fake-source.ts";
export { fakeEndpoint, fakeSource } from "./fake-source.ts";
export { ManualClock } from "./manual-clock.ts";
export {
  constantTime,
  empiricalTime,
  exponentialTime,
  lognormalTime,
  mixedTime,
} from "./simulator/service-time.ts";
export type { ServiceTime } from "./simulator/service-time.ts";
export type {
  ClientModel,
  Scenario,
  ServerModel,
  ServerPhase,
  SimulatedCall,
  SimulatedEvent,
  SimulatedPolicy,
  SimulatedRequest,
  SimulatedSecond,
  SimulationResult,
} from "./simulator/scenario.ts";
export { Watching } from "./watching.ts";
export type { WatchingOptions } from "./watching.ts";
export { simulate } from "./simulator/simulate.ts";
export type { SimulateOptions } from "./simulator/simulate.ts";
