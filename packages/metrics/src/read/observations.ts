import type { Attributes } from "@opentelemetry/api";

import type { Definition } from "../definitions.ts";
import { overflowAttributes } from "../series/series-set.ts";

/** Takes one number of a reading. Where attributes are given as a function, they may not be asked for at all. */
export type Observe = (
  definition: Definition,
  value: number,
  attributes: Attributes | (() => Attributes),
) => void;

/** One number of a reading. */
export interface Observation {
  readonly attributes: Attributes;
  readonly value: number;
}

/**
 * What was read of a mesh, by instrument, with no more series of each than may be. What comes beyond is added up in one, or where
 * a sum means nothing, the highest of it stands there.
 */
export class Observations {
  readonly #max: number;
  readonly #shared: Attributes;
  readonly #all = new Map<Definition, Observation[]>();
  readonly #overflows = new Map<Definition, number>();

  /**
   * @param max series of each instrument, without the one that the others share
   * @param shared the attributes that all of them have
   */
  constructor(max: number, shared: Attributes = {}) {
    this.#max = max;
    this.#shared = shared;
  }

  add(definition: Definition, value: number, attributes: Attributes | (() => Attributes)): void {
    let known = this.#all.get(definition);
    if (known === undefined) this.#all.set(definition, (known = []));
    if (known.length < this.#max) {
      known.push({ attributes: typeof attributes === "function" ? attributes() : attributes, value });
      return;
    }
    const before = this.#overflows.get(definition);
    const isLevel = definition.kind === "gauge";
    this.#overflows.set(definition, isLevel ? Math.max(before ?? -Infinity, value) : (before ?? 0) + value);
  }

  of(definition: Definition): readonly Observation[] {
    const own = this.#all.get(definition) ?? [];
    const value = this.#overflows.get(definition);
    return value === undefined ? own : [...own, { attributes: overflowAttributes(this.#shared), value }];
  }
}
