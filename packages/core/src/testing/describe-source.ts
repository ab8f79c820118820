import assert from "node:assert/strict";

import { createDirectory } from "../discovery/directory.ts";
import type { Directory } from "../discovery/directory.ts";
import { EventHub } from "../event-hub.ts";
import { systemRandom } from "../random.ts";
import { CountingClock } from "./counting-clock.ts";
import { enduranceRules } from "./source-endurance-rules.ts";
import type {
  OptionalSourceAbility,
  SourceAbility,
  SourceCase,
  SourceContractOptions,
  SourceHarness,
} from "./source-harness.ts";
import { samples } from "./source-room.ts";
import type { Room } from "./source-room.ts";
import { sourceRules } from "./source-rules.ts";
import { Watching } from "./watching.ts";

/**
 * The contract of a {@link DiscoverySource}, as cases for any test runner. Each case calls `make` for a fresh harness
 * and ends it. In vitest:
 *
 * `it.for(sourceContract(make))("$name", ({ run }) => run());`
 */
export function sourceContract(
  make: () => Promise<SourceHarness> | SourceHarness,
  options: SourceContractOptions = {},
): readonly SourceCase[] {
  const lacking = new Set(options.without);
  const extra = new Set(options.with);
  const possible = [...sourceRules, ...enduranceRules].filter(
    ({ needs }) =>
      needs?.every((need) => (isOptional(need) ? extra.has(need) : !lacking.has(need))) !== false,
  );
  return possible.map((rule) => ({
    name: rule.name,
    async run() {
      const harness = await make();
      const { source, fixed } = harness;
      const service = fixed?.service ?? "contract";
      const endpoints = fixed?.endpoints ?? samples.slice(0, 2);
      const sinks: Watching[] = [];
      const directories: Directory[] = [];
      const clock = new CountingClock();
      const timeoutMs = options.timeoutMs ?? 10_000;
      const room: Room = {
        harness,
        source,
        service,
        endpoints,
        timeoutMs,
        quietMs: options.quietMs ?? 100,
        clock,
        watch(name) {
          const sink = new Watching(source, name, { clock });
          sinks.push(sink);
          return sink;
        },
        directory(over = source) {
          const made = createDirectory({
            source: over,
            clock,
            random: systemRandom,
            events: new EventHub(),
            options: { closeTimeoutMs: timeoutMs },
          });
          directories.push(made);
          return made;
        },
      };
      try {
        for (const need of rule.needs ?? []) {
          const hint = isOptional(need) ? "take it out of the option with" : "name it in the option without";
          assert.ok(need === "many" || harness[need], `the harness has no ${need}; give it one, or ${hint}`);
        }
        if (fixed === undefined) await harness.put?.(service, endpoints);
        await rule.check(room);
      } finally {
        await Promise.all(directories.map((made) => made.close()));
        await Promise.all(sinks.map((sink) => sink.stop(timeoutMs)));
        await source.close?.();
        await harness.close();
      }
    },
  }));
}

const optional: ReadonlySet<string> = new Set<OptionalSourceAbility>([
  "putOnlyMalformed",
  "touch",
  "silence",
  "many",
]);

function isOptional(need: SourceAbility | OptionalSourceAbility): need is OptionalSourceAbility {
  return optional.has(need);
}
