import { PENDING } from "../endpoints/load-table.ts";
import { configError } from "../errors.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";
import { weightsOf } from "./alias-table.ts";
import type { Cost } from "./cost.ts";
import type { BalancerKind } from "./kind.ts";
import { LeastOfAll } from "./least-of-all.ts";
import { LeastOfMany } from "./least-of-many.ts";
import { isAllOf, p2c } from "./p2c.ts";
import { emptyPicker } from "./picker.ts";
import type { Balancer } from "./picker.ts";
import { WeightedP2cPicker } from "./weighted-p2c.ts";

/** The endpoint with fewer requests of this process in flight, in proportion to its weight. */
export interface LeastRequestPolicy {
  readonly type: "least-request";
  /** How many are drawn and compared, 2 to 10, or `all` of them; 2 by default. */
  readonly choices?: number | "all" | undefined;
}

/** What is in flight, this request included. */
const inFlight: Cost = {
  name: "least-request",
  remembers: false,
  noise: 1,
  of: (table, offset) => table.data[offset + PENDING]! + 1,
  idle: () => 1,
};

const ofTwo = p2c(inFlight);

export const leastRequest: BalancerKind = {
  name: "least-request",
  keys: ["choices"],
  create(given, path) {
    const field = fieldPath(path, "choices");
    const choices = given["choices"] ?? 2;
    if (choices !== "all" && typeof choices !== "number") {
      throw configError(field, 'a whole number from 2 to 10, or "all"', choices);
    }
    if (choices === "all") return ofAll;
    const count = checkNumber(choices, field, { min: 2, max: 10, integer: true });
    return count === 2 || count === undefined ? ofTwo : ofMany(count);
  },
};

function ofMany(choices: number): Balancer {
  return {
    name: "least-request",
    build(endpoints, deps) {
      if (endpoints.length === 0) return emptyPicker;
      const weights = weightsOf(endpoints);
      // Walking on from a random place reaches each endpoint as often as any other.
      if (isAllOf(weights, weights[0]!)) return new LeastOfMany(endpoints, deps, choices);
      return new WeightedP2cPicker(endpoints, deps, inFlight, weights, choices);
    },
  };
}

const ofAll: Balancer = {
  name: "least-request",
  build: (endpoints, deps) => (endpoints.length === 0 ? emptyPicker : new LeastOfAll(endpoints, deps)),
};
