import { configError } from "../../errors.ts";
import { checkNumber } from "../../option-checks.ts";
import type { Scenario } from "./scenario.ts";

/** Calls per second over time: constant, or straight lines between points. */
export class CallRate {
  /** The highest there is. */
  readonly most: number;
  readonly #points: readonly (readonly [atMs: number, perSecond: number])[];

  constructor(given: Scenario["callsPerSecond"]) {
    this.#points = typeof given === "number" ? [[0, given]] : given;
    this.most = Math.max(...this.#points.map(([, perSecond]) => perSecond));
  }

  get isConstant(): boolean {
    return this.#points.length === 1;
  }

  /** Before the first point and after the last one the rate stays what it is there. */
  at(ms: number): number {
    let [[fromMs, from] = [0, 0]] = this.#points;
    for (const [toMs, to] of this.#points) {
      if (ms < toMs) return toMs === fromMs ? to : from + ((to - from) * (ms - fromMs)) / (toMs - fromMs);
      fromMs = toMs;
      from = to;
    }
    return from;
  }
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function checkCallRate(given: Scenario["callsPerSecond"] | undefined, path: string): void {
  const positive = { min: 0, max: 1e9, above: true };
  if (!Array.isArray(given)) {
    checkNumber(given ?? NaN, path, positive);
    return;
  }
  const points: Exclude<Scenario["callsPerSecond"], number> = given;
  if (points.length === 0) throw configError(path, "at least one point", 0);
  for (const [index, [atMs, perSecond]] of points.entries()) {
    checkNumber(atMs, `${path}[${index}][0]`, { min: points[index - 1]?.[0] ?? 0, max: 1e12 });
    checkNumber(perSecond, `${path}[${index}][1]`, positive);
  }
}
