import type { EndpointState } from "../endpoint-state.ts";

/**
 * The endpoints of a service, how many of them are open and how many are out. Only those count that this process may use, and the limit
 * of ejections is a part of these: half of a thousand would be all of a subset.
 */
export class Population {
  readonly members: Set<EndpointState> = new Set();
  #maxOutPercent: number;
  readonly #isOut: (state: EndpointState) => boolean;
  /** Those that may be used; undefined as long as that is everybody. */
  #used: ReadonlySet<EndpointState> | undefined;
  /** Those that came since that was last said: they count until then. */
  #added: EndpointState[] = [];
  #count = 0;
  #out = 0;
  #open = 0;

  /** @param isOut whether an endpoint is out through ejection or penalty */
  constructor(maxOutPercent: number, isOut: (state: EndpointState) => boolean) {
    this.#maxOutPercent = maxOutPercent;
    this.#isOut = isOut;
  }

  /** Changes the limit of those that are out. */
  limit(maxOutPercent: number): void {
    this.#maxOutPercent = maxOutPercent;
  }

  add(state: EndpointState): void {
    this.members.add(state);
    if (this.#used !== undefined) this.#added.push(state);
    this.#setUsed(state, true);
  }

  /** To be called while it is still out, if it is. */
  remove(state: EndpointState): void {
    this.#setUsed(state, false);
    this.members.delete(state);
  }

  /** Says which endpoints calls may go to at all. @returns whether one that is out is among those for which that changed */
  use(used: ReadonlySet<EndpointState>): boolean {
    const before: ReadonlySet<EndpointState> = this.#used ?? this.members;
    this.#used = used;
    let isOutAffected = false;
    const set = (state: EndpointState, isUsed: boolean): void => {
      if (state.gate.isUsed === isUsed || !this.members.has(state)) return;
      this.#setUsed(state, isUsed);
      isOutAffected ||= this.#isOut(state);
    };
    for (const state of before) if (!used.has(state)) set(state, false);
    for (const state of this.#added) if (!used.has(state)) set(state, false);
    this.#added = [];
    for (const state of used) if (!state.gate.isUsed) set(state, true);
    return isOutAffected;
  }

  /** Which of them may be used was said: another one may come in the place of one that left. */
  get isSubset(): boolean {
    return this.#used !== undefined;
  }

  /** It opened, or closed. */
  opened(state: EndpointState, by: 1 | -1): void {
    if (state.gate.isUsed) this.#open += by;
  }

  /** It is out from now on, or in again. */
  wentOut(state: EndpointState, by: 1 | -1): void {
    if (state.gate.isUsed) this.#out += by;
  }

  /** Whether one that is in may be taken out. Whatever the share: the last one that may be picked stays. */
  mayTakeOut(state: EndpointState): boolean {
    return this.#allows(this.#out + 1) && this.#open > Number(state.open && state.gate.isUsed);
  }

  /** Too many are out: endpoints have left, or are not used any more. */
  get isOverLimit(): boolean {
    return !this.#allows(this.#out);
  }

  /** Never all of them, and never more than the limit; but one where there are two or more. */
  #allows(out: number): boolean {
    const count = this.#count;
    if (out === 0) return true;
    return out < count && (out === 1 || (100 * out) / count <= this.#maxOutPercent);
  }

  #setUsed(state: EndpointState, isUsed: boolean): void {
    const record = state.gate;
    if (record.isUsed === isUsed) return;
    record.isUsed = isUsed;
    const by = isUsed ? 1 : -1;
    this.#count += by;
    if (state.open) this.#open += by;
    if (this.#isOut(state)) this.#out += by;
  }
}
