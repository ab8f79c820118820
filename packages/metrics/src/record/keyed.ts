import type { Attributes } from "@opentelemetry/api";

import type { Series, SeriesSet } from "../series/series-set.ts";

/** The series that one service, or one endpoint, has of an instrument. */
export class Keyed<S extends Series> {
  readonly #set: SeriesSet<S>;
  readonly #isShared: boolean;
  readonly #own = new Map<string, S>();

  /** @param isShared it has none of its own, and everything goes where there is no room for more */
  constructor(set: SeriesSet<S>, isShared: boolean) {
    this.#set = set;
    this.#isShared = isShared;
  }

  /** @param attributesOf what a new one has; only asked for where there is room for one */
  find(key: string, attributesOf: () => Attributes): S {
    const known = this.#own.get(key);
    if (known !== undefined) return known;
    if (this.#isShared || this.#set.isFull) return this.#set.overflow;
    const made = this.#set.open(attributesOf());
    this.#own.set(key, made);
    return made;
  }

  close(): void {
    for (const series of this.#own.values()) this.#set.close(series);
    this.#own.clear();
  }
}
