import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";

import { describe, expect, it } from "vitest";

import type { BatchContext, BatcherOptions } from "../../src/batch/batch-options.ts";
import { createBatcher } from "../../src/batch/batcher.ts";
import type { Batcher } from "../../src/batch/batcher.ts";
import { currentContext, runWithContext } from "../../src/context/call-context.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { rejection } from "../support/mesh.ts";

interface Load {
  readonly keys: readonly string[];
  readonly context: BatchContext;
  readonly answer: (values: readonly (string | Error)[] | ReadonlyMap<string, string | Error>) => void;
  readonly fail: (error: unknown) => void;
}

/** A batcher whose loads the test answers. */
function batcherOf(options: Partial<BatcherOptions<string, string>> = {}): {
  readonly batcher: Batcher<string, string>;
  readonly loads: Load[];
  readonly clock: ManualClock;
} {
  const loads: Load[] = [];
  const clock = new ManualClock();
  const batcher = createBatcher<string, string>({
    load: (keys, context) =>
      new Promise((resolve, reject) => {
        loads.push({ keys, context, answer: resolve, fail: reject });
      }),
    clock,
    ...options,
  });
  return { batcher, loads, clock };
}

const upper = (keys: readonly string[]): string[] => keys.map((key) => key.toUpperCase());
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe("a batcher", () => {
  it("loads together what is asked for together, each key once, in order", async () => {
    const { batcher, loads } = batcherOf();
    const all = Promise.all(["b", "a", "b", "c"].map((key) => batcher.load(key)));
    expect([loads.length, batcher.waiting]).toEqual([0, 4]);
    await turn();
    expect(loads.map(({ keys }) => keys)).toEqual([["b", "a", "c"]]);
    loads[0]!.answer(upper(loads[0]!.keys));
    expect(await all).toEqual(["B", "A", "B", "C"]);
    expect(batcher.waiting).toBe(0);
  });

  it("waits for what promises bring about, so that parallel chains of awaits meet", async () => {
    const { batcher, loads } = batcherOf();
    const chain = async (key: string, steps: number): Promise<string> => {
      for (let i = 0; i < steps; i++) await Promise.resolve();
      return batcher.load(key);
    };
    const all = [chain("a", 0), chain("b", 3), chain("c", 20)];
    await turn();
    expect(loads.map(({ keys }) => keys)).toEqual([["a", "b", "c"]]);
    loads[0]!.answer(upper(loads[0]!.keys));
    await Promise.all(all);
  });

  it("loads again what is asked for again: nothing is kept", async () => {
    const { batcher, loads } = batcherOf();
    for (const value of ["1", "2"]) {
      const answer = batcher.load("a");
      await turn();
      loads.at(-1)!.answer([value]);
      expect(await answer).toBe(value);
    }
  });

  it("loads a full batch at once, and begins another", async () => {
    const { batcher, loads } = batcherOf({ maxSize: 2 });
    const all = Promise.all(["a", "a", "b", "c"].map((key) => batcher.load(key)));
    expect(loads.map(({ keys }) => keys)).toEqual([["a", "b"]]);
    await turn();
    expect(loads.map(({ keys }) => keys)).toEqual([["a", "b"], ["c"]]);
    for (const { answer, keys } of loads) answer(upper(keys));
    expect(await all).toEqual(["A", "A", "B", "C"]);
  });

  it("lets the first key wait for others as long as it was told, or until it is flushed", async () => {
    const { batcher, clock, loads } = batcherOf({ maxWaitMs: 10 });
    void batcher.load("a");
    await clock.advance(6);
    void batcher.load("b");
    await clock.advance(3);
    expect(loads).toHaveLength(0);
    await clock.advance(1);
    expect(loads.map(({ keys }) => keys)).toEqual([["a", "b"]]);
    void batcher.load("c");
    batcher.flush();
    expect(loads[1]?.keys).toEqual(["c"]);
    for (const { answer, keys } of loads) answer(upper(keys));
    await turn();
    expect(clock.pendingTimers).toBe(0);
  });

  it("tells keys apart as it was told to", async () => {
    const batcher = createBatcher<{ id: number }, string>({
      load: (keys) => new Map(keys.map(({ id }) => [id, `#${id}`])),
      key: ({ id }) => id,
    });
    expect(
      await Promise.all([batcher.load({ id: 1 }), batcher.load({ id: 1 }), batcher.load({ id: 2 })]),
    ).toEqual(["#1", "#1", "#2"]);
  });

  it("gives each key its own answer or error, from an array or a Map", async () => {
    const { batcher, loads } = batcherOf();
    const no = new Error("no such order");
    const fromList = Promise.allSettled(["a", "b"].map((key) => batcher.load(key)));
    await turn();
    loads[0]!.answer(["A", no]);
    const fromMap = Promise.allSettled(["c", "d", "e"].map((key) => batcher.load(key)));
    await turn();
    loads[1]!.answer(
      new Map<string, string | Error>([
        ["d", no],
        ["c", "C"],
      ]),
    );
    expect([...(await fromList), ...(await fromMap)]).toMatchObject([
      { value: "A" },
      { reason: no },
      { value: "C" },
      { reason: no },
      { reason: { code: "ERR_PROXYLESS_CONTRACT", message: expect.stringContaining("nothing for a key") } },
    ]);
  });

  it("takes undefined for a value where it is there", async () => {
    const batcher = createBatcher<string, string | undefined>({ load: (keys) => keys.map(() => undefined) });
    expect(await batcher.load("a")).toBeUndefined();
  });

  it("gives everybody what the load throws, at once or later, or that it was wrong", async () => {
    const boom = new Error("boom");
    const throwing = createBatcher<string, string>({
      load: () => {
        throw boom;
      },
    });
    expect(await rejection(throwing.load("a"))).toBe(boom);
    const { batcher, loads } = batcherOf({ name: "orders by id" });
    const both = ["a", "b"].map((key) => rejection(batcher.load(key)));
    await turn();
    loads[0]!.fail(boom);
    expect(await Promise.all(both)).toEqual([boom, boom]);
    const short = rejection(batcher.load("a"));
    await turn();
    loads[1]!.answer([]);
    expect(await short).toMatchObject({
      code: "ERR_PROXYLESS_CONTRACT",
      message: "the load of orders by id is wrong: it brought 0 values for 1 keys",
    });
    // @ts-expect-error -- neither an array nor a Map
    const wrong = createBatcher<string, string>({ load: () => "A" });
    expect(await rejection(wrong.load("a"))).toMatchObject({ code: "ERR_PROXYLESS_CONTRACT" });
  });

  it("does not load a key whose requests have all left, nor a batch without keys", async () => {
    const { batcher, clock, loads } = batcherOf({ maxWaitMs: 5 });
    const aborter = new AbortController();
    const { signal } = aborter;
    const left = [batcher.load("a", { signal }), batcher.load("b", { signal })].map((one) => rejection(one));
    const stayed = batcher.load("b");
    aborter.abort(new Error("left"));
    await clock.advance(5);
    expect(loads.map(({ keys }) => keys)).toEqual([["b"]]);
    loads[0]!.answer(["B"]);
    expect([...(await Promise.all(left)), await stayed]).toMatchObject([
      { message: "left" },
      { message: "left" },
      "B",
    ]);
    const other = new AbortController();
    const alone = rejection(batcher.load("c", { signal: other.signal }));
    other.abort(new Error("too"));
    await alone;
    expect([clock.pendingTimers, batcher.waiting, getEventListeners(signal, "abort").length]).toEqual([
      0, 0, 0,
    ]);
    await clock.advance(5);
    expect(loads).toHaveLength(1);
  });

  it("goes on with a load as long as one waits for it, and then tells it that nobody does", async () => {
    const { batcher, loads } = batcherOf();
    const aborters = [new AbortController(), new AbortController()];
    const waits = aborters.map(({ signal }, i) => rejection(batcher.load(`k${i}`, { signal })));
    await turn();
    aborters[0]!.abort(new Error("one"));
    expect(loads[0]!.context.signal.aborted).toBe(false);
    aborters[1]!.abort(new Error("two"));
    expect(loads[0]!.context.signal).toMatchObject({ aborted: true, reason: { message: "two" } });
    expect(await Promise.all(waits)).toMatchObject([{ message: "one" }, { message: "two" }]);
    loads[0]!.fail(new Error("of no interest to anybody"));
    await turn();
  });

  it("refuses at once one whose signal has aborted already", async () => {
    const { batcher, loads } = batcherOf();
    const reason = new Error("gone");
    expect(await rejection(batcher.load("a", { signal: AbortSignal.abort(reason) }))).toBe(reason);
    await turn();
    expect(loads).toHaveLength(0);
  });

  it("gives each request its own time, and the batch that of the most patient one", async () => {
    const { batcher, clock, loads } = batcherOf({ maxWaitMs: 10 });
    const short = rejection(batcher.load("a", { timeoutMs: 50 }));
    const long = batcher.load("a", { timeoutMs: 200 });
    await clock.advance(10);
    expect(loads[0]!.context.timeoutMs).toBe(190);
    await clock.advance(40);
    expect(await short).toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT", timeout: "total", flag: "DT" });
    loads[0]!.answer(["A"]);
    expect(await long).toBe("A");
    const bounded = batcher.load("b", { timeoutMs: 50 });
    const endless = batcher.load("c");
    await clock.advance(10);
    expect(loads[1]!.context.timeoutMs).toBeUndefined();
    loads[1]!.answer(["B", "C"]);
    await Promise.all([bounded, endless]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("heeds the deadline and the signal around each request, and loads under the latest of them", async () => {
    const { batcher, clock, loads } = batcherOf();
    let around: number | undefined;
    let place: string | undefined;
    const places = new AsyncLocalStorage<string>();
    const watching = createBatcher<string, string>({
      load: (keys) => {
        around = currentContext()?.deadline;
        place = places.getStore();
        return upper(keys);
      },
      clock,
      maxSize: 2,
    });
    const both = [
      places.run("first", () => runWithContext({ deadline: 100 }, () => watching.load("a"))),
      places.run("second", () => runWithContext({ deadline: 300 }, () => watching.load("b"))),
    ];
    expect(await Promise.all(both)).toEqual(["A", "B"]);
    expect([around, place]).toEqual([300, "first"]);
    const aborter = new AbortController();
    const left = rejection(runWithContext({ signal: aborter.signal }, () => batcher.load("a")));
    const late = rejection(runWithContext({ deadline: 100 }, () => batcher.load("b")));
    aborter.abort(new Error("left"));
    await clock.advance(100);
    expect([await left, await late]).toMatchObject([{ message: "left" }, { code: "ERR_PROXYLESS_TIMEOUT" }]);
    expect([loads.length, loads[0]!.context.signal.aborted]).toEqual([1, true]);
  });

  it("ends every wait when it is closed, and takes no more", async () => {
    const { batcher, clock, loads } = batcherOf({ maxWaitMs: 10 });
    const loading = rejection(batcher.load("a"));
    batcher.flush();
    const open = rejection(batcher.load("b", { timeoutMs: 100 }));
    batcher.close();
    const late = rejection(batcher.load("c"));
    for (const wait of [loading, open, late])
      expect(await wait).toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
    expect([loads[0]!.context.signal.aborted, clock.pendingTimers, batcher.waiting]).toEqual([true, 0, 0]);
  });

  it.each([
    [{}, "load must be a function, got undefined"],
    [{ load: () => [], size: 1 }, /^size must be left out \(it takes load,/],
    [{ load: () => [], maxSize: 0 }, "maxSize must be a whole number from 1 to 100000, got 0"],
    [{ load: () => [], maxWaitMs: -1 }, "maxWaitMs must be a number from 0 to 60000, got -1"],
    [{ load: () => [], key: "id" }, 'key must be a function, got "id"'],
    [{ load: () => [], name: "" }, 'name must be a name, got ""'],
  ])("refuses case %#", (options, message) => {
    // @ts-expect-error -- each is wrong in a way of its own
    expect(() => createBatcher(options)).toThrow(message);
  });

  it("refuses a key that cannot be told apart, alone", async () => {
    const batcher = createBatcher<{ id: string }, string>({
      load: (keys) => keys.map(({ id }) => id),
      key: ({ id }) => id.toLowerCase(),
    });
    // @ts-expect-error -- no id
    const bad = rejection(batcher.load({}));
    expect([await batcher.load({ id: "A" }), await bad, batcher.waiting]).toMatchObject(["A", {}, 0]);
  });

  it("refuses a time that is none", async () => {
    const { batcher } = batcherOf();
    expect(await rejection(batcher.load("a", { timeoutMs: 0 }))).toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      field: "timeoutMs",
    });
  });
});
