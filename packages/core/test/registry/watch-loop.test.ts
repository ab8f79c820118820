import { getEventListeners } from "node:events";

import { describe, expect, it } from "vitest";

import { sleep } from "../../src/clock.ts";
import type { DiscoveryError, WatchHandle } from "../../src/discovery/source.ts";
import { SourceError } from "../../src/registry/source-error.ts";
import { watchLoop } from "../../src/registry/watch-loop.ts";
import type { WatchLoopOptions, WatchRound } from "../../src/registry/watch-loop.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

interface Loop {
  readonly clock: ManualClock;
  readonly abort: AbortController;
  readonly handle: WatchHandle;
  readonly errors: DiscoveryError[];
  /** When each round began, with a mark for those that a refresh led to. */
  readonly rounds: string[];
}

function loop(
  round: (round: WatchRound, number: number, clock: ManualClock) => Promise<number>,
  options: Partial<WatchLoopOptions> = {},
): Loop {
  const clock = new ManualClock();
  const abort = new AbortController();
  const errors: DiscoveryError[] = [];
  const rounds: string[] = [];
  const handle = watchLoop(
    { snapshot: () => {}, alive: () => {}, error: (error) => errors.push(error) },
    { clock, random: () => 1, signal: abort.signal },
    {
      ...options,
      round: (one) => {
        rounds.push(`${clock.now()}${one.wasRefreshed ? "!" : ""}`);
        return round(one, rounds.length, clock);
      },
    },
  );
  return { clock, abort, handle, errors, rounds };
}

const fails = (kind: DiscoveryError["class"], retryAfterMs?: number): Promise<number> =>
  Promise.reject(new SourceError(kind, kind, { retryAfterMs }));

describe("a watch loop", () => {
  it("begins after its caller has the handle, and pauses for as long as a round says", async () => {
    const { clock, rounds } = loop(async () => 1_000);
    expect(rounds).toEqual([]);
    await clock.advance(3_000);
    expect(rounds).toEqual(["0", "1000", "2000", "3000"]);
  });

  it("tells trouble of any kind, waits it out with doubling ceilings, and never gives up", async () => {
    const { clock, errors, rounds } = loop(() => {
      throw new TypeError("a bug");
    });
    await clock.advance(600_000);
    expect(rounds.slice(0, 5)).toEqual(["0", "100", "300", "700", "1500"]);
    expect(rounds.length).toBeGreaterThan(20);
    expect(errors[0]).toMatchObject({ class: "transient", message: "a bug" });
    expect(errors).toHaveLength(rounds.length);
  });

  it("never comes back before the registry wants it", async () => {
    const { clock, rounds } = loop((_, number) =>
      number === 1 ? fails("transient", 60_000) : Promise.resolve(1e9),
    );
    await clock.advance(59_999);
    expect(rounds).toEqual(["0"]);
    await clock.advance(1);
    expect(rounds).toEqual(["0", "60000"]);
  });

  it("takes trouble for the first again once ten seconds went well, also when nothing was said in between", async () => {
    const { clock, rounds } = loop(async (round, number, manual) => {
      if (number <= 5) return fails("transient");
      round.good();
      await sleep(manual, number === 6 ? 3_600_000 : 5_000, round.signal).catch(() => undefined);
      return fails("transient");
    });
    await clock.advance(10_000_000);
    const times = rounds.map((time) => Number.parseInt(time, 10));
    // The sixth round was well for an hour; the seventh is the first failure after that.
    expect(times[6]! - times[5]!).toBe(3_600_100);
    expect(times[7]! - times[6]!).toBe(5_200);
    expect(times[8]! - times[7]!).toBe(5_400);
  });

  it("begins again at once after a protocol reset, and waits when it is reset again", async () => {
    const { clock, errors, rounds } = loop(async (round, number) => {
      round.good();
      return number <= 4 ? fails("protocol-reset") : 20_000;
    });
    await clock.advance(1_000);
    expect(rounds).toEqual(["0", "0", "100", "300", "700"]);
    expect(errors.map((error) => error.class)).toEqual(Array.from({ length: 4 }, () => "protocol-reset"));
  });

  it("begins again at once where its owner found a better way", async () => {
    const asked: string[] = [];
    const { clock, rounds } = loop((_, number) => (number <= 2 ? fails("auth") : Promise.resolve(1e9)), {
      onTrouble: (error) => {
        asked.push(error.class);
        if (asked.length === 2) throw new Error("its own trouble");
        return "now";
      },
    });
    await clock.advance(150);
    expect(rounds).toEqual(["0", "0", "200"].slice(0, 2));
    await clock.advance(100);
    expect(rounds).toEqual(["0", "0", "200"]);
    expect(asked).toEqual(["auth", "auth"]);
  });

  it("is cut short in a pause by any number of hints, which make one round", async () => {
    const { clock, handle, rounds } = loop(async () => 60_000);
    await clock.advance(10);
    for (let i = 0; i < 500; i++) handle.refresh?.("storm");
    await clock.advance(10);
    expect(rounds).toEqual(["0", "10!"]);
    await clock.advance(60_000);
    expect(rounds).toEqual(["0", "10!", "60010"]);
  });

  it("is cut short while it only waits for news, and only then; a hint that came too early is not lost", async () => {
    const signals: AbortSignal[] = [];
    const { clock, handle, rounds } = loop(async (round, _, manual) => {
      signals.push(round.signal);
      await sleep(manual, 100);
      round.interruptible();
      await sleep(manual, 1_000_000, round.signal);
      return 0;
    });
    await clock.advance(50);
    handle.refresh?.("early");
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(50);
    expect(signals[0]?.aborted).toBe(true);
    expect(rounds).toEqual(["0", "100!"]);
    await clock.advance(150);
    handle.refresh?.("late");
    await clock.advance(0);
    expect(rounds).toEqual(["0", "100!", "250!"]);
  });

  it.for<[string, (round: WatchRound, clock: ManualClock) => Promise<number>]>([
    ["a round", (round, clock) => sleep(clock, 1_000, round.signal).then(() => 0)],
    ["a pause", async () => 1_000],
    ["a wait after trouble", () => fails("config", 1_000)],
    [
      "trouble that comes of the abort",
      async (round, clock) => {
        await sleep(clock, 1_000, round.signal).catch(() => undefined);
        return fails("data");
      },
    ],
  ])("ends within %s when it is aborted, says nothing more and leaves nothing", async ([, round]) => {
    let ended = 0;
    const made = loop((one, _, manual) => round(one, manual), {
      onEnd: () => {
        ended++;
        throw new Error("nobody hears this");
      },
    });
    await made.clock.advance(10);
    const before = made.errors.length;
    made.abort.abort(new Error("enough"));
    await made.handle.done;
    made.handle.refresh?.("late");
    expect(ended).toBe(1);
    expect(made.errors).toHaveLength(before);
    expect(made.rounds).toHaveLength(1);
    expect(made.clock.pendingTimers).toBe(0);
    expect(getEventListeners(made.abort.signal, "abort")).toHaveLength(0);
  });

  it("does not begin when it was aborted before", async () => {
    const made = loop(async () => 0);
    made.abort.abort();
    await made.handle.done;
    expect(made.rounds).toEqual([]);
  });
});
