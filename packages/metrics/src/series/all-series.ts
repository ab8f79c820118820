import type { Attributes } from "@opentelemetry/api";

import { allDefinitions, definitions } from "../definitions.ts";
import type { Definition } from "../definitions.ts";
import type { ResolvedMetrics } from "../options.ts";
import { Counter } from "./counter.ts";
import type { Duration } from "./duration.ts";
import { SeriesSet } from "./series-set.ts";

/** Everything that is counted from events, by instrument. */
export class AllSeries<D extends Duration = Duration> {
  readonly counters: ReadonlyMap<Definition, SeriesSet<Counter>>;
  readonly durations: ReadonlyMap<Definition, SeriesSet<D>>;
  readonly callDuration: SeriesSet<D>;
  readonly attemptDuration: SeriesSet<D>;

  constructor(
    { attributes: shared, clock, maxSeries }: ResolvedMetrics,
    makeDuration: (definition: Definition, attributes: Attributes) => D,
  ) {
    const durations = (definition: Definition): SeriesSet<D> =>
      new SeriesSet(maxSeries, shared, (attributes) => makeDuration(definition, attributes));
    this.callDuration = durations(definitions.callDuration);
    this.attemptDuration = durations(definitions.attemptDuration);
    this.durations = new Map<Definition, SeriesSet<D>>([
      [definitions.callDuration, this.callDuration],
      [definitions.attemptDuration, this.attemptDuration],
    ]);
    const counters = allDefinitions.filter(({ kind }) => kind === "counter");
    this.counters = new Map(
      counters.map((definition) => [
        definition,
        new SeriesSet(maxSeries, shared, (attributes) => new Counter(attributes, clock)),
      ]),
    );
  }

  counter(definition: Definition): SeriesSet<Counter> {
    const found = this.counters.get(definition);
    if (found === undefined) throw new TypeError(`${definition.name} is no counter`);
    return found;
  }

  /** How many series there are. */
  get size(): number {
    let size = 0;
    for (const set of this.counters.values()) size += set.size;
    for (const set of this.durations.values()) size += set.size;
    return size;
  }
}
