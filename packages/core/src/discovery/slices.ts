import type { Clock } from "../clock.ts";

/** Work that can be left after each of its pieces, none of which takes a millisecond. */
export type Sliceable<T> = Generator<undefined, T, undefined>;

/** How long one turn of the event loop may work on something, in milliseconds: what else has to run then comes no later. */
export const SLICE_MS = 2;
/** So many pieces are always enough, also by a clock that stands still while code runs. */
const MAX_PIECES = 64;

/** Does as much as one turn may. @returns what came of it when it is done, in an object of its own */
export function workOneTurn<T>(work: Sliceable<T>, clock: Clock): { readonly result: T } | undefined {
  const began = clock.now();
  for (let piece = 0; piece < MAX_PIECES; piece++) {
    const next = work.next();
    if (next.done === true) return { result: next.value };
    if (clock.now() - began >= SLICE_MS) break;
  }
  return undefined;
}

/** Does all of it at once. */
export function workAtOnce<T>(work: Sliceable<T>): T {
  for (;;) {
    const next = work.next();
    if (next.done === true) return next.value;
  }
}
