import { BalancingInstruments } from "./definitions/balancing.ts";
import { CallInstruments } from "./definitions/calls.ts";
import type { Definition } from "./definitions/definition.ts";
import { GuardInstruments } from "./definitions/guards.ts";
import { EndpointInstruments } from "./definitions/single-endpoints.ts";
import { SurroundingInstruments } from "./definitions/surroundings.ts";

export type { Definition, InstrumentKind } from "./definitions/definition.ts";

/** The instrumentation scope. */
export const scopeName = "@proxyless/metrics";

/** Every instrument there is. The table in `docs/metrics.md` is made of this list. */
export const definitions: CallInstruments &
  GuardInstruments &
  BalancingInstruments &
  SurroundingInstruments &
  EndpointInstruments = Object.assign(
  Object.assign(new CallInstruments(), new GuardInstruments(), new BalancingInstruments()),
  new SurroundingInstruments(),
  new EndpointInstruments(),
);

/** {@link definitions} as a list. */
export const allDefinitions: readonly Definition[] = Object.values(definitions);

/** The upper bounds of histograms in seconds that the convention for HTTP clients recommends. */
export const recommendedBoundaries: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
