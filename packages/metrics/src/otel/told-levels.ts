import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Meter,
  Observable,
} from "@opentelemetry/api";

type Told = ReadonlyMap<Observable, ReadonlyMap<string, Attributes>>;

/**
 * The levels that were told of an SDK's observables when it last collected. What this SDK has observed once it exports for good, with the value
 * that it had then: so what has left (a service, a state that no endpoint is in any more) is told once more, as 0.
 */
export class ToldLevels {
  #last: Told = new Map();

  /** @param now what is told of each observable in this collection */
  tell(result: BatchObservableResult, now: ReadonlyMap<Observable, readonly Attributes[]>): void {
    const told = new Map<Observable, ReadonlyMap<string, Attributes>>();
    for (const [observable, all] of now) {
      if (all.length > 0) told.set(observable, new Map(all.map((own) => [JSON.stringify(own), own])));
    }
    tellGone(result, this.#last, told);
    this.#last = told;
  }

  /** Nothing is told any more: at the next collection everything has left. */
  close(meter: Meter): void {
    const last = this.#last;
    this.#last = new Map();
    const observables = [...last.keys()];
    if (observables.length === 0) return;
    const once: BatchObservableCallback = (result) => {
      tellGone(result, last, new Map());
      // The meter is going through its callbacks just now.
      queueMicrotask(() => {
        meter.removeBatchObservableCallback(once, observables);
      });
    };
    meter.addBatchObservableCallback(once, observables);
  }
}

function tellGone(result: BatchObservableResult, before: Told, now: Told): void {
  for (const [observable, all] of before) {
    const still = now.get(observable);
    for (const [key, attributes] of all) {
      if (still?.has(key) !== true) result.observe(observable, 0, attributes);
    }
  }
}
