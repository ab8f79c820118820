import { expect, it } from "vitest";

import { seededRandom } from "../../src/random.ts";
import { SourceError } from "../../src/registry/source-error.ts";
import { watchLoop } from "../../src/registry/watch-loop.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

it("a wait that a server asked for is not cut short by a refresh, and by the end of the watch it is", async () => {
  const clock = new ManualClock();
  const abort = new AbortController();
  const asked: number[] = [];
  const sink = { snapshot: () => {}, alive: () => {}, error: () => {} };
  const context = { signal: abort.signal, clock, random: seededRandom(1) };
  const handle = watchLoop(sink, context, {
    round: () => {
      asked.push(clock.now());
      return Promise.reject(new SourceError("transient", "busy", { status: 429, retryAfterMs: 30_000 }));
    },
  });
  for (let second = 0; second < 35; second++) {
    // eslint-disable-next-line no-await-in-loop -- time goes on
    await clock.advance(1_000);
    handle.refresh?.("nobody answers");
  }
  expect(asked).toHaveLength(2);
  expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(30_000);
  abort.abort();
  await handle.done;
  expect(clock.pendingTimers).toBe(0);
});
