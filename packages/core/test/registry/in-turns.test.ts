import { describe, expect, it } from "vitest";

import type { Sliceable } from "../../src/discovery/slices.ts";
import { inTurns } from "../../src/registry/in-turns.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

const clock = new ManualClock();

function* pieces(count: number, done: number[]): Sliceable<string> {
  for (let piece = 0; piece < count; piece++) {
    done.push(piece);
    yield;
  }
  return "done";
}

describe("work that is done in turns", () => {
  it("lets others run in between, and is done in this turn where it is short", async () => {
    const { signal } = new AbortController();
    const done: number[] = [];
    let seen = -1;
    setImmediate(() => {
      seen = done.length;
    });
    expect(await inTurns(pieces(10, []), { clock, signal })).toBe("done");
    expect(seen).toBe(-1);
    expect(await inTurns(pieces(1_000, done), { clock, signal })).toBe("done");
    expect(seen).toBe(64);
    expect(done).toHaveLength(1_000);
  });

  it("ends with the signal's reason, and does no more", async () => {
    const end = new AbortController();
    const done: number[] = [];
    const work = inTurns(pieces(1_000, done), { clock, signal: end.signal });
    end.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
    expect(done).toHaveLength(64);
  });

  it("fails with what the work throws", async () => {
    function* failing(): Sliceable<void> {
      yield;
      throw new Error("no good");
    }
    const { signal } = new AbortController();
    await expect(inTurns(failing(), { clock, signal })).rejects.toThrow("no good");
  });
});
