import { describe, expect, it } from "vitest";

import { workAtOnce, workOneTurn } from "../../src/discovery/slices.ts";
import type { Sliceable } from "../../src/discovery/slices.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

/** A clock by which each look takes a while. */
class SlowClock extends ManualClock {
  readonly #stepMs: number;
  #passed = 0;

  constructor(stepMs: number) {
    super();
    this.#stepMs = stepMs;
  }

  override now(): number {
    return (this.#passed += this.#stepMs);
  }
}

function* counting(pieces: number, done: number[]): Sliceable<string> {
  for (let piece = 0; piece < pieces; piece++) {
    done.push(piece);
    yield;
  }
  return "done";
}

describe("work in slices", () => {
  it.each([
    [0.5, 4],
    [1, 2],
    [5, 1],
  ])("goes on for 2 ms in a turn: with pieces of %d ms for %d of them", (ms, pieces) => {
    const done: number[] = [];
    expect(workOneTurn(counting(100, done), new SlowClock(ms))).toBeUndefined();
    expect(done).toHaveLength(pieces);
  });

  it("does no more than 64 pieces in a turn, by a clock that stands still", () => {
    const done: number[] = [];
    const work = counting(100, done);
    const clock = new ManualClock();
    expect(workOneTurn(work, clock)).toBeUndefined();
    expect(done).toHaveLength(64);
    expect(workOneTurn(work, clock)).toEqual({ result: "done" });
  });

  it("is done at once where that is asked for", () => {
    const done: number[] = [];
    expect(workAtOnce(counting(1_000, done))).toBe("done");
    expect(done).toHaveLength(1_000);
  });
});
