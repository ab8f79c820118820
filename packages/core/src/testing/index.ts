export { seededRandom } from "../random.ts";
export type { SourceAbility, SourceCase, SourceContractOptions, SourceHarness } from "./describe-source.ts";
export { sourceContract } from "./describe-source.ts";
export type { FakeSource, FakeSourceOptions, FakeWatch } from "./fake-source.ts";
export { fakeEndpoint, fakeSource } from "./fake-source.ts";
export { ManualClock } from "./manual-clock.ts";
