import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ManualClock } from "../../src/testing/manual-clock.ts";
import { Attempt } from "../../src/transport/attempt.ts";

/** Limits of an attempt, in whole milliseconds from its beginning; of its body, from what was heard last. */
interface Limits {
  readonly attemptMs: number;
  readonly queueMs: number | undefined;
  readonly headersMs: number | undefined;
  readonly idleMs: number;
  readonly streamMs: number;
}

/** What the peer does, each so long after what it did before. It falls silent where there is no more. */
interface Course {
  readonly connects: number | undefined;
  readonly heads: number | undefined;
  readonly pieces: readonly number[];
  readonly ends: number | undefined;
}

/** How an attempt ended, and when. */
interface End {
  readonly how: string;
  readonly atMs: number;
}

const controller = {
  aborted: false,
  paused: false,
  reason: null,
  rawHeaders: [],
  rawTrailers: [],
  abort: (): void => {},
  pause: (): void => {},
  resume: (): void => {},
};

const limit = fc.integer({ min: 1, max: 60 });
const limits: fc.Arbitrary<Limits> = fc.record({
  attemptMs: limit,
  queueMs: fc.option(limit, { nil: undefined }),
  headersMs: fc.option(limit, { nil: undefined }),
  idleMs: fc.integer({ min: 1, max: 30 }),
  streamMs: fc.integer({ min: 1, max: 90 }),
});
// Half a millisecond beside every limit, so that nothing happens at the same moment.
const later = fc.integer({ min: 0, max: 25 });
const courses: fc.Arbitrary<Course> = fc.record({
  connects: fc.option(later, { nil: undefined, freq: 9 }),
  heads: fc.option(later, { nil: undefined, freq: 9 }),
  pieces: fc.array(later, { maxLength: 6 }),
  ends: fc.option(later, { nil: undefined, freq: 4 }),
});

/** When the peer does what, in milliseconds from the beginning; infinity where it never does. */
function timesOf({ connects, ends, heads, pieces }: Course): {
  readonly connect: number;
  readonly head: number;
  readonly heard: readonly number[];
  readonly end: number;
} {
  const connect = (connects ?? Infinity) + 0.5;
  const head = connect + (heads ?? Infinity);
  let at = head;
  const heard = pieces.map((gap) => (at += gap));
  return { connect, head, heard, end: at + (ends ?? Infinity) };
}

/** The specification: which limit is reached first by a peer that acts at these times. */
function expected(given: Limits, course: Course, whole: boolean): End {
  const { attemptMs, headersMs = Infinity, idleMs, queueMs = Infinity, streamMs } = given;
  const { connect, end, head, heard } = timesOf(course);
  const reached: End[] = [{ how: "done", atMs: end }];
  // A stage's limit that is not below the attempt's is none.
  if (queueMs < attemptMs && queueMs <= headersMs && connect > queueMs)
    reached.push({ how: "queue", atMs: queueMs });
  if (headersMs < attemptMs && head > headersMs) reached.push({ how: "headers", atMs: headersMs });
  if (whole ? end > attemptMs : head > attemptMs) reached.push({ how: "attempt", atMs: attemptMs });
  if (!whole && head < Infinity) {
    reached.push({ how: "stream", atMs: Math.max(streamMs, head) });
    let last = head;
    for (const at of [...heard, Infinity]) {
      if (at - last > idleMs) {
        reached.push({ how: "body_idle", atMs: last + idleMs });
        break;
      }
      last = at;
    }
  }
  return reached.reduce((first, one) => (one.atMs < first.atMs ? one : first));
}

/** What the real attempt makes of it. */
async function observed(given: Limits, course: Course, whole: boolean): Promise<End> {
  const clock = new ManualClock();
  const startedAt = clock.now();
  const ends: End[] = [];
  const attempt = new Attempt(
    {
      attemptHead: (streamed) => {
        const { idleMs, streamMs } = given;
        streamed.forwardWatched({ data: () => {} }, idleMs, startedAt + streamMs, streamMs);
      },
      attemptEnd: ({ failure, limit: reached }) => {
        const how = failure === undefined ? "done" : reached.kind;
        ends.push({ how, atMs: clock.now() - startedAt });
      },
    },
    clock,
    1,
    undefined,
    startedAt,
    whole,
  );
  const { headersMs, queueMs } = given;
  const stages = headersMs === undefined && queueMs === undefined ? undefined : { headersMs, queueMs };
  attempt.arm(given.attemptMs, { kind: "attempt" }, stages);
  const { connect, end, head, heard } = timesOf(course);
  const at = (ms: number, act: () => void): void => {
    if (ms < Infinity) clock.setTimer(act, ms, undefined);
  };
  const unlessOver = (act: () => void) => (): void => {
    if (ends.length === 0) act();
  };
  at(
    connect,
    unlessOver(() => attempt.onRequestStart(controller)),
  );
  at(
    head,
    unlessOver(() => attempt.onResponseStart(controller, 200, {})),
  );
  for (const ms of heard)
    at(
      ms,
      unlessOver(() => attempt.onResponseData(controller, Buffer.alloc(1))),
    );
  at(
    end,
    unlessOver(() => attempt.onResponseEnd(controller, {})),
  );
  await clock.advance(1_000);
  expect(ends).toHaveLength(1);
  expect(clock.pendingTimers).toBe(0);
  return ends[0]!;
}

describe("the time limits of an attempt", () => {
  it(
    "end it at the first that is reached, and say which: ten thousand schedules",
    { timeout: 60_000 },
    async () => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(limits, courses, fc.boolean(), async (given, course, whole) => {
          const want = expected(given, course, whole);
          seen.add(want.how);
          expect(await observed(given, course, whole)).toEqual(want);
        }),
        { seed: 12, numRuns: 10_000 },
      );
      expect([...seen].toSorted()).toEqual(["attempt", "body_idle", "done", "headers", "queue", "stream"]);
    },
  );
});
