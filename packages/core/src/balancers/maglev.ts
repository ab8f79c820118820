import { configError } from "../errors.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";
import { resolveBoundedLoad } from "./bounded-load.ts";
import type { BoundedLoadPolicy } from "./bounded-load.ts";
import { resolveHashOn } from "./hash-key.ts";
import type { HashOnPolicy } from "./hash-key.ts";
import { hashMembers, isAlike } from "./hash-members.ts";
import { HashPicker } from "./hash-picker.ts";
import type { BalancerKind } from "./kind.ts";
import { MaglevTable } from "./maglev-table.ts";
import { emptyPicker } from "./picker.ts";

/**
 * Consistent hashing by a table (Maglev): requests of one key go to one endpoint. Spreads keys more evenly than a ring, and moves
 * somewhat more of them when an endpoint comes or goes. A request without a key goes anywhere.
 *
 * Slots are in proportion to the source's weights. An endpoint is known by its metadata `hashKey`, or by its address.
 */
export interface MaglevPolicy {
  readonly type: "maglev";
  /** What of a request is hashed, where the call has no `hashKey` of its own; nothing by default. */
  readonly hashOn?: readonly HashOnPolicy[] | undefined;
  /**
   * How many slots the table has; a prime from 2 to 5,000,011; 65,537 by default. A hundred for each endpoint keep them within 1 %
   * of each other; endpoints beyond this number are left out.
   */
  readonly tableSize?: number | undefined;
  /** Passes over endpoints that have more than their share of the requests in flight; none by default. */
  readonly boundedLoad?: BoundedLoadPolicy | undefined;
}

const DEFAULT_SIZE = 65_537;
const LARGEST_SIZE = 5_000_011;

export const maglev: BalancerKind = {
  name: "maglev",
  keys: ["hashOn", "tableSize", "boundedLoad"],
  create(given, path) {
    const hashOn = resolveHashOn(given["hashOn"], fieldPath(path, "hashOn"));
    const boundedLoad = resolveBoundedLoad(given["boundedLoad"], fieldPath(path, "boundedLoad"));
    const size = resolveTableSize(given["tableSize"], fieldPath(path, "tableSize"));
    return {
      name: "maglev",
      consistent: true,
      build(endpoints, deps, previous, parts) {
        if (endpoints.length === 0) return emptyPicker;
        const members = hashMembers(endpoints, parts);
        const old =
          previous instanceof HashPicker && previous.table instanceof MaglevTable
            ? previous.table
            : undefined;
        const table =
          old !== undefined && isAlike(old.members, members)
            ? old.renewed(members)
            : new MaglevTable(members, size);
        return new HashPicker({ table, neighbours: false, hashOn, boundedLoad }, deps);
      },
    };
  },
};

function resolveTableSize(input: unknown, path: string): number {
  const size = checkNumber(input, path, { min: 2, max: LARGEST_SIZE, integer: true }) ?? DEFAULT_SIZE;
  if (isPrime(size)) return size;
  throw configError(path, `a prime from 2 to ${LARGEST_SIZE} (the next one is ${nextPrime(size)})`, size);
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}

function nextPrime(number: number): number {
  let prime = number;
  while (!isPrime(prime)) prime++;
  return prime;
}
