import type { Endpoint } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";
import type { Sliceable } from "@proxyless/core/discovery";

import { Contest } from "./contest.ts";
import type { Turn } from "./contest.ts";
import { HintCount } from "./hints.ts";
import type { Labels } from "./labelled.ts";
import type { AddressFamily } from "./options.ts";
import { choosePort } from "./port-choice.ts";
import type { PortChoice } from "./port-choice.ts";
import { SlicePart } from "./slice-part.ts";
import type { Slice } from "./slice.ts";

/** How the slices of a service become its endpoints. */
export interface Reading {
  readonly port: string | number | undefined;
  readonly family: AddressFamily;
  readonly zone: string | undefined;
  readonly nodeName: string | undefined;
  readonly hints: boolean;
}

/** The endpoints of a service. */
export interface Merged {
  readonly endpoints: readonly Endpoint[];
  readonly skipped: number;
  /** Some are gone since the last list, and all of these were seen to terminate: nobody lost them by accident. */
  readonly saidGoodbye: boolean;
}

/**
 * Makes one list of all slices of a service, again and again: what an endpoint comes to is kept until it changes, so
 * that a change costs what is new, however many others there are. Where nobody is ready, those who terminate and still
 * serve are called, as kube-proxy does: they are `degraded` then instead of `draining`.
 */
export class SliceMerger {
  readonly #reading: Reading;
  readonly #preferred: 4 | 6;
  readonly #contest: Contest;
  readonly #parts = new Map<string, SlicePart>();
  #labels: Labels = { isReady: false, byNode: false, byZone: false };
  #size = 0;

  constructor(reading: Reading) {
    const { family } = reading;
    this.#reading = reading;
    this.#preferred = family === "ipv4" || family === "prefer-ipv4" ? 4 : 6;
    this.#contest = new Contest(this.#preferred);
  }

  /** How many endpoints the last list had. */
  get size(): number {
    return this.#size;
  }

  /**
   * Puts a list together, slice by slice; to be brought to its end before the next one.
   * @param slices all of the service
   * @param unreadable objects that may have been slices of the service
   * @throws SourceError of class `config` when it is unclear which port is wanted, `data` when no entry is usable
   */
  *merge(slices: readonly Slice[], unreadable = 0): Sliceable<Merged> {
    const portOf = choosePort(slices, this.#reading.port);
    const parts = yield* this.#take(slices, portOf);
    const turns = yield* this.#contest.turns();
    yield* this.#choose(turns);
    this.#relabel(parts);
    const endpoints: Endpoint[] = [];
    for (const part of parts) {
      yield;
      for (const endpoint of part.endpoints(this.#reading, this.#labels)) endpoints.push(endpoint);
    }
    const skipped = skippedOf(slices, portOf);
    if (endpoints.length === 0 && skipped > 0) {
      throw new SourceError("data", `none of ${skipped} endpoints in ${slices.length} slices is usable`);
    }
    if (endpoints.length === 0 && unreadable > 0) {
      throw new SourceError("data", `none of ${unreadable} objects is a slice`);
    }
    this.#contest.told();
    this.#size = endpoints.length;
    return { endpoints, skipped: skipped + unreadable, saidGoodbye: saidGoodbye(turns) };
  }

  /** @returns the parts of all slices that have one, in the order of the slices */
  *#take(slices: readonly Slice[], portOf: PortChoice): Sliceable<readonly SlicePart[]> {
    const takesNameless = this.#namelessOf(slices, portOf);
    const old = new Set(this.#parts.keys());
    const parts: SlicePart[] = [];
    for (const slice of slices) {
      const port = portOf(slice);
      if (port === undefined || !this.#isWanted(slice)) continue;
      old.delete(slice.name);
      let part = this.#parts.get(slice.name);
      if (part === undefined) {
        part = new SlicePart(slice.name, this.#contest);
        this.#parts.set(slice.name, part);
      }
      part.take(slice, port, takesNameless(slice));
      parts.push(part);
      yield;
    }
    for (const name of old) {
      this.#parts.get(name)?.drop();
      this.#parts.delete(name);
    }
    return parts;
  }

  *#choose(turns: readonly Turn[]): Sliceable<void> {
    const touched = new Set<SlicePart>();
    for (const { before, now } of turns) {
      if (before !== undefined) touched.add(before.part);
      if (now !== undefined) touched.add(now.part);
    }
    for (const part of touched) {
      part.choose(this.#reading);
      yield;
    }
  }

  #relabel(parts: readonly SlicePart[]): void {
    const count = new HintCount();
    for (const part of parts) count.addAll(part.count);
    const isReady = count.ready > 0;
    const { byNode, byZone } = this.#reading.hints ? count.followed() : { byNode: false, byZone: false };
    const known = this.#labels;
    if (known.isReady === isReady && known.byNode === byNode && known.byZone === byZone) return;
    this.#labels = { isReady, byNode, byZone };
  }

  #isWanted({ family }: Slice): boolean {
    const wanted = this.#reading.family;
    if (wanted === "ipv4") return family === 4;
    return wanted !== "ipv6" || family === 6;
  }

  /** Without an identity nobody can tell which two addresses are one endpoint's: one family's list is the whole list. */
  #namelessOf(slices: readonly Slice[], portOf: PortChoice): (slice: Slice) => boolean {
    const has = slices.some(
      (slice) => slice.hasNameless && slice.family === this.#preferred && portOf(slice) !== undefined,
    );
    return ({ hasNameless, family }) => hasNameless && (!has || family === this.#preferred);
  }
}

function skippedOf(slices: readonly Slice[], portOf: PortChoice): number {
  let skipped = 0;
  for (const slice of slices) {
    skipped += slice.skipped;
    // A slice without any port, or without the number of one, is of no use; one without the wanted port is of other use.
    const isUseless = slice.ports.every((each) => each.port === undefined) && portOf(slice) === undefined;
    if (isUseless) skipped += slice.endpoints.length;
  }
  return skipped;
}

function saidGoodbye(turns: readonly Turn[]): boolean {
  const gone = turns.filter(({ now }) => now === undefined);
  return gone.length > 0 && gone.every(({ before }) => before?.endpoint.health === "draining");
}
