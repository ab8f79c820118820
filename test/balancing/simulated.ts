import { simulate } from "@proxyless/core/testing";
import type { Scenario, SimulatedPolicy } from "@proxyless/core/testing";

import type { Outcome } from "./outcome.ts";
import { troubleAtMs } from "./scenarios.ts";

const seeds = [1, 2, 3, 4, 5] as const;

/** What the simulator says of the policies in a scenario: the mean of several runs. */
export async function inTheSimulator(
  scenario: Scenario,
  policies: readonly SimulatedPolicy[],
): Promise<Outcome> {
  const outcome: Record<string, number> = {};
  for (const policy of policies) {
    let calls = 0;
    let ok = 0;
    for (const seed of seeds) {
      const { seconds } = await simulate(scenario, { policy, seed });
      for (const second of seconds.slice(troubleAtMs / 1_000)) {
        calls += second.calls;
        ok += second.ok;
      }
    }
    outcome[policy.name] = (100 * ok) / calls;
  }
  return outcome;
}
