import { PENDING } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import { checkNumber, checkObject, fieldPath } from "../option-checks.ts";
import type { HashMembers } from "./hash-members.ts";
import { MemberLoad } from "./member-load.ts";

/** How far one endpoint's requests in flight may exceed its fair share. */
export interface BoundedLoadPolicy {
  /**
   * An endpoint is passed over while it has `factor` times its share of the requests in flight; above 1, at most 10; 1.25 by
   * default. Closer to 1 spreads better and moves more keys. Envoy's `hash_balance_factor`, as a ratio.
   */
  readonly factor?: number | undefined;
}

/** {@link BoundedLoadPolicy} with every field known. */
export interface ResolvedBoundedLoad {
  readonly factor: number;
}

/**
 * Checks the bound on the load of each endpoint; undefined, for none, where none is given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveBoundedLoad(input: unknown, path: string): ResolvedBoundedLoad | undefined {
  if (input === undefined) return undefined;
  const given = checkObject(input, path, ["factor"]);
  const factor = checkNumber(given["factor"], fieldPath(path, "factor"), { min: 1, max: 10, above: true });
  return Object.freeze({ factor: factor ?? 1.25 });
}

/** What fractions of a request may be lost to rounding. */
const ROUNDING = 1e-9;

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, arXiv 1608.01350): an endpoint's capacity is
 * `ceil(factor × (requests in flight + 1) × weight / all weights)`, so that together they always have room for one more.
 *
 * Only requests to the members count. What the service has in flight elsewhere, on endpoints that are leaving or of another
 * subset, would widen the bound.
 */
export class BoundedLoad {
  readonly #members: HashMembers;
  readonly #table: LoadTable;
  readonly #factor: number;
  readonly #total: number;
  readonly #inFlight: MemberLoad;
  /** The weight of those whose gate is open. */
  #open: number;
  /** How many more picks among closed endpoints go by what was counted last. */
  #patience = 0;

  constructor(members: HashMembers, table: LoadTable, { factor }: ResolvedBoundedLoad) {
    this.#members = members;
    this.#table = table;
    this.#factor = factor;
    this.#total = members.weights.reduce((sum, weight) => sum + weight, 0);
    this.#inFlight = new MemberLoad(members.offsets, table);
    this.#open = this.#total;
  }

  /** Whether a member may have one more request. */
  hasRoom(index: number): boolean {
    const { data, troubled } = this.#table;
    const pending = data[this.#members.offsets[index]! + PENDING]!;
    if (pending === 0) return true;
    const weights = troubled === 0 ? this.#total : this.#open;
    const share = (this.#factor * (this.#inFlight.count() + 1) * this.#members.weights[index]!) / weights;
    return pending < Math.ceil(share - ROUNDING);
  }

  /** Requests in flight by weight. */
  loadOf(index: number): number {
    return this.#table.data[this.#members.offsets[index]! + PENDING]! / this.#members.weights[index]!;
  }

  /** Closed endpoints leave their share to the others. Counts them anew so rarely that it costs a pick next to nothing. */
  recount(): void {
    if (this.#patience-- > 0) return;
    const { offsets, weights } = this.#members;
    this.#patience = offsets.length;
    let open = 0;
    for (const [index, offset] of offsets.entries()) {
      if (!this.#table.isClosed(offset)) open += weights[index]!;
    }
    this.#open = open === 0 ? this.#total : open;
  }
}
