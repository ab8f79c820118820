import { configError } from "../errors.ts";
import { checkObject, fieldPath } from "../option-checks.ts";
import { clientSideWeightedRoundRobin } from "./client-side-weighted-round-robin.ts";
import type { ClientSideWeightedRoundRobinPolicy } from "./client-side-weighted-round-robin.ts";
import type { BalancerKind } from "./kind.ts";
import { leastRequest } from "./least-request.ts";
import type { LeastRequestPolicy } from "./least-request.ts";
import { leastResponseTime } from "./least-response-time.ts";
import type { LeastResponseTimePolicy } from "./least-response-time.ts";
import { maglev } from "./maglev.ts";
import type { MaglevPolicy } from "./maglev.ts";
import { peakEwma } from "./peak-ewma.ts";
import type { PeakEwmaPolicy } from "./peak-ewma.ts";
import type { Balancer } from "./picker.ts";
import { prequal } from "./prequal.ts";
import type { PrequalPolicy } from "./prequal.ts";
import { random } from "./random.ts";
import type { RandomPolicy } from "./random.ts";
import { ringHash } from "./ring-hash.ts";
import type { RingHashPolicy } from "./ring-hash.ts";
import { roundRobin } from "./round-robin.ts";
import type { RoundRobinPolicy } from "./round-robin.ts";
import { successAwareEwma } from "./success-aware-ewma.ts";
import type { SuccessAwareEwmaPolicy } from "./success-aware-ewma.ts";
import { weightedRandom } from "./weighted-random.ts";
import type { WeightedRandomPolicy } from "./weighted-random.ts";
import { weightedRoundRobin } from "./weighted-round-robin.ts";
import type { WeightedRoundRobinPolicy } from "./weighted-round-robin.ts";

/** A balancer as data, told apart by `type`. */
export type BalancerPolicy =
  | SuccessAwareEwmaPolicy
  | LeastRequestPolicy
  | LeastResponseTimePolicy
  | PeakEwmaPolicy
  | RoundRobinPolicy
  | RandomPolicy
  | WeightedRoundRobinPolicy
  | WeightedRandomPolicy
  | ClientSideWeightedRoundRobinPolicy
  | PrequalPolicy
  | RingHashPolicy
  | MaglevPolicy;

/** The balancers that can be named in options. */
export type BalancerName = BalancerPolicy["type"];

const kinds: readonly BalancerKind[] = [
  successAwareEwma,
  leastRequest,
  leastResponseTime,
  peakEwma,
  roundRobin,
  random,
  weightedRoundRobin,
  weightedRandom,
  clientSideWeightedRoundRobin,
  prequal,
  ringHash,
  maglev,
];

/** The balancer of a service that names none. */
const defaultBalancer: Balancer = Object.freeze(successAwareEwma.create({}, ""));

/**
 * Makes the balancer that options ask for.
 * @param input a name, a {@link BalancerPolicy}, or a {@link Balancer} of the user's own; the default for `undefined`
 * @param path where it stands in the options, for errors
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveBalancer(input: unknown, path: string): Balancer {
  if (input === undefined) return defaultBalancer;
  if (isBalancer(input)) return input;
  if (typeof input === "string") return kindOf(input, path).create({}, path);
  const given = checkObject(input, path, Object.keys(Object(input)));
  const kind = kindOf(given["type"], fieldPath(path, "type"));
  return kind.create(checkObject(given, path, ["type", ...kind.keys]), path);
}

function kindOf(name: unknown, path: string): BalancerKind {
  const found = kinds.find((kind) => kind.name === name);
  if (found !== undefined) return found;
  const names = kinds.map((kind) => kind.name).join(", ");
  throw configError(path, `one of ${names}, or a balancer of your own`, name);
}

function isBalancer(input: unknown): input is Balancer {
  return (
    typeof input === "object" &&
    input !== null &&
    "build" in input &&
    typeof input.build === "function" &&
    "name" in input &&
    typeof input.name === "string"
  );
}
