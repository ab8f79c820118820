import { lowerBound } from "../lower-bound.ts";
import { byId } from "./diff.ts";
import type { DirectoryEndpoint } from "./resolution.ts";
import type { Sliceable } from "./slices.ts";

/** Sorted in one piece; longer lists are merged from such runs. */
const RUN = 512;

/** The places of endpoints in the order of their ids; those with the same id stay in their order. */
export function* placesById(told: readonly DirectoryEndpoint[]): Sliceable<Int32Array> {
  const { length } = told;
  let order = new Int32Array(length);
  for (let place = 0; place < length; place++) order[place] = place;
  for (let from = 0; from < length; from += RUN) {
    order.subarray(from, from + RUN).sort((a, b) => byId(told[a]!, told[b]!));
    yield;
  }
  let merged = new Int32Array(length);
  for (let width = RUN; width < length; width *= 2) {
    for (let from = 0; from < length; from += 2 * width) {
      yield* mergeRuns(told, order.subarray(from, from + 2 * width), width, merged.subarray(from));
    }
    [order, merged] = [merged, order];
  }
  return order;
}

/** Merges two sorted runs, of which the first has `width` places or is all there is. */
function* mergeRuns(
  told: readonly DirectoryEndpoint[],
  runs: Int32Array,
  width: number,
  into: Int32Array,
): Sliceable<void> {
  let left = 0;
  let right = width;
  for (let at = 0; at < runs.length; at++) {
    if (at % RUN === 0) yield;
    const isLeft = left < width && (right >= runs.length || told[runs[left]!]!.id <= told[runs[right]!]!.id);
    into[at] = runs[isLeft ? left++ : right++]!;
  }
}

/** The place of `id` in a sorted list, or where it would have to be put. */
export function rankOf(sorted: readonly DirectoryEndpoint[], id: string): number {
  return lowerBound(sorted, (each) => each.id < id);
}
