import type { Endpoint } from "@proxyless/core";

import { Candidate } from "./candidate.ts";
import type { Contest } from "./contest.ts";
import { HintCount } from "./hints.ts";
import type { OwnPlace } from "./hints.ts";
import type { Labels } from "./labelled.ts";
import type { ChosenPort } from "./port-choice.ts";
import type { Slice, SliceEndpoint } from "./slice.ts";

/** What one slice gives to the list of its service. */
export class SlicePart {
  /** The slice's. */
  readonly name: string;
  readonly #contest: Contest;
  #slice: Slice | undefined;
  #port: ChosenPort | undefined;
  #takesNameless = false;
  #candidates = new Map<SliceEndpoint, Candidate>();
  #listed: readonly Candidate[] = [];
  #count = new HintCount();
  #labels: Labels | undefined;
  #endpoints: readonly Endpoint[] = [];

  constructor(name: string, contest: Contest) {
    this.name = name;
    this.#contest = contest;
  }

  /** What was counted of those who are listed. */
  get count(): HintCount {
    return this.#count;
  }

  /**
   * Its candidates are those of the slice from now on; endpoints that were in it before stay what they are.
   * @param takesNameless whether endpoints count that say nothing of what they are
   */
  take(slice: Slice, port: ChosenPort, takesNameless: boolean): void {
    const isSamePort = this.#port?.port === port.port && this.#port.scheme === port.scheme;
    if (this.#slice === slice && isSamePort && this.#takesNameless === takesNameless) return;
    const before = this.#candidates;
    const candidates = new Map<SliceEndpoint, Candidate>();
    for (const endpoint of slice.endpoints) {
      if (endpoint.identity === undefined && !takesNameless) continue;
      const known = isSamePort ? before.get(endpoint) : undefined;
      const candidate = known ?? new Candidate(endpoint, port, this);
      candidates.set(endpoint, candidate);
      if (known === undefined) this.#contest.add(candidate);
    }
    for (const [endpoint, candidate] of before) {
      if (candidates.get(endpoint) !== candidate) this.#contest.remove(candidate);
    }
    this.#slice = slice;
    this.#port = port;
    this.#takesNameless = takesNameless;
    this.#candidates = candidates;
  }

  /** Its slice is gone. */
  drop(): void {
    for (const candidate of this.#candidates.values()) this.#contest.remove(candidate);
    this.#candidates.clear();
  }

  /** Finds out again who of it is listed. */
  choose(own: OwnPlace): void {
    this.#listed = [...this.#candidates.values()].filter((each) => this.#contest.isListed(each));
    this.#labels = undefined;
    this.#count = new HintCount();
    for (const { endpoint } of this.#listed) this.#count.add(endpoint, own);
  }

  /** Its endpoints; the same ones as long as nothing about them changes. */
  endpoints(own: OwnPlace, labels: Labels): readonly Endpoint[] {
    if (this.#labels !== labels) {
      this.#labels = labels;
      this.#endpoints = this.#listed.map((each) => each.listed(own, labels));
    }
    return this.#endpoints;
  }
}
