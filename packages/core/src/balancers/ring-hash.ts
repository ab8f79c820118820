import { configError } from "../errors.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";
import { resolveBoundedLoad } from "./bounded-load.ts";
import type { BoundedLoadPolicy } from "./bounded-load.ts";
import { resolveHashOn } from "./hash-key.ts";
import type { HashOnPolicy } from "./hash-key.ts";
import { LEAST_WEIGHT, hashMembers, isAlike } from "./hash-members.ts";
import type { HashMembers } from "./hash-members.ts";
import { HashPicker } from "./hash-picker.ts";
import { HashRing } from "./hash-ring.ts";
import type { BalancerKind } from "./kind.ts";
import { emptyPicker } from "./picker.ts";

/**
 * Consistent hashing on a ring (ketama): requests of one key go to one endpoint, and when one of N endpoints comes or goes about
 * 1/N of the keys move. A request without a key goes anywhere.
 *
 * Points are in proportion to the source's weights: 64 for an endpoint of the median weight, more where that would leave the ring
 * below `minRingSize`, fewer where it would exceed `maxRingSize`, and always one. An endpoint is known by its metadata `hashKey`,
 * or by its address. Slow start has no part in it: keys must not move while an endpoint warms up.
 */
export interface RingHashPolicy {
  readonly type: "ring-hash";
  /** What of a request is hashed, where the call has no `hashKey` of its own; nothing by default. */
  readonly hashOn?: readonly HashOnPolicy[] | undefined;
  /** The least number of points on the ring; a whole number from 1 to 8,388,608; 1,024 by default. */
  readonly minRingSize?: number | undefined;
  /**
   * The largest number of points, 8 bytes of memory and some 20 ns of a first building each; a whole number from `minRingSize` to
   * 8,388,608; 65,536 by default.
   */
  readonly maxRingSize?: number | undefined;
  /** Passes over endpoints that have more than their share of the requests in flight; none by default. */
  readonly boundedLoad?: BoundedLoadPolicy | undefined;
}

/** {@link RingHashPolicy}'s sizes with every field known. */
interface ResolvedRingSize {
  readonly min: number;
  readonly max: number;
}

const LARGEST_RING = 8_388_608;
const DEFAULT_MIN = 1_024;
const DEFAULT_MAX = 65_536;

/** Of an endpoint of median weight. The shares of endpoints then differ by an eighth (1 / √64). */
const POINTS = 64;

export const ringHash: BalancerKind = {
  name: "ring-hash",
  keys: ["hashOn", "minRingSize", "maxRingSize", "boundedLoad"],
  create(given, path) {
    const hashOn = resolveHashOn(given["hashOn"], fieldPath(path, "hashOn"));
    const boundedLoad = resolveBoundedLoad(given["boundedLoad"], fieldPath(path, "boundedLoad"));
    const size = resolveSize(given, path);
    return {
      name: "ring-hash",
      consistent: true,
      build(endpoints, deps, previous, parts) {
        if (endpoints.length === 0) return emptyPicker;
        const members = hashMembers(endpoints, parts);
        const ring =
          previous instanceof HashPicker && previous.table instanceof HashRing ? previous.table : undefined;
        const table =
          ring !== undefined && isAlike(ring.members, members)
            ? ring.renewed(members)
            : HashRing.build(members, countPoints(members, size), ring);
        return new HashPicker({ table, neighbours: true, hashOn, boundedLoad }, deps);
      },
    };
  },
};

function resolveSize(given: Readonly<Record<string, unknown>>, path: string): ResolvedRingSize {
  const minPath = fieldPath(path, "minRingSize");
  const maxPath = fieldPath(path, "maxRingSize");
  const rule = { min: 1, max: LARGEST_RING, integer: true };
  const min = checkNumber(given["minRingSize"], minPath, rule);
  const max = checkNumber(given["maxRingSize"], maxPath, rule);
  if (min !== undefined && max !== undefined && min > max) {
    throw configError(minPath, `at most ${maxPath} (${max})`, min);
  }
  return {
    min: min ?? Math.min(DEFAULT_MIN, max ?? DEFAULT_MIN),
    max: max ?? Math.max(DEFAULT_MAX, min ?? DEFAULT_MAX),
  };
}

/**
 * By the median and not by the sum of the weights: how many points an endpoint has must depend on the others as little as can be,
 * or keys would move between endpoints that have nothing to do with a change. Where it does depend on them, fractions of a point are
 * rounded at a limit that each endpoint has of its own: not all of them lose their last point at once.
 */
function countPoints({ endpoints, lo, weights }: HashMembers, { max, min }: ResolvedRingSize): Int32Array {
  // Whatever part of their weights counts: those that count in full keep their points when others join them with a part.
  const whole = new Float64Array(weights.length);
  let counted = 0;
  for (let i = 0; i < whole.length; i++) {
    whole[i] = Math.max(endpoints[i]!.spec.weight, LEAST_WEIGHT);
    counted += weights[i]! / whole[i]!;
  }
  const median = medianOf(whole);
  const points = Math.max(POINTS, min / counted);
  let total = 0;
  for (const weight of weights) total += (points * weight) / median;
  const scale = (points / median) * Math.min(1, max / total);
  const counts = new Int32Array(weights.length);
  for (let i = 0; i < counts.length; i++) {
    counts[i] = Math.max(1, Math.floor(weights[i]! * scale + (lo[i]! >>> 0) / 2 ** 32));
  }
  return counts;
}

function medianOf(weights: Float64Array): number {
  const [first = 1] = weights;
  // As nearly always; sorting ten thousand equal numbers takes most of a millisecond.
  if (weights.every((weight) => weight === first)) return first;
  return weights.toSorted()[weights.length >> 1]!;
}
