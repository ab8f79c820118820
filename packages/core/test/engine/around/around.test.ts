import { getEventListeners } from "node:events";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createBatcher } from "../../../src/batch/batcher.ts";
import { runWithContext } from "../../../src/context/call-context.ts";
import { openAround } from "../../../src/engine/around/around.ts";
import type { Around } from "../../../src/engine/around/around.ts";
import { ResponseStore } from "../../../src/engine/around/response-store.ts";
import { ProxylessError } from "../../../src/errors.ts";
import { EventHub } from "../../../src/event-hub.ts";
import { resolveCache } from "../../../src/policies/cache/resolve-cache.ts";
import { resolveCoalesce } from "../../../src/policies/coalesce/resolve-coalesce.ts";
import { resolveFallback } from "../../../src/policies/fallback/resolve-fallback.ts";
import { FaultInjector } from "../../../src/policies/fault/fault-injector.ts";
import { resolveFault } from "../../../src/policies/fault/resolve-fault.ts";
import { seededRandom } from "../../../src/random.ts";
import { answerOk } from "../../support/http.ts";
import { server } from "../../support/mesh.ts";
import { Caller, Line, StepClock } from "./line.ts";
import { layered } from "./rig.ts";

const off = {
  fallback: false,
  cache: false,
  coalesce: false,
  faults: undefined,
  responses: undefined,
  inherits: true,
  service: "orders",
  route: undefined,
  totalMs: 10_000,
  sendElsewhere: () => undefined,
} as const;

const cache = resolveCache({ maxEntries: 50, maxBytes: 100_000 }, "cache");
const fallback = resolveFallback(
  { stale: { maxAgeMs: 60_000, maxEntries: 50 }, value: { body: "value" } },
  "fallback",
);
const faults = resolveFault(
  { position: "call", percent: 5, delay: { fixedMs: 5 }, abort: { percent: 50, kind: "reset" } },
  "f",
);

function everything(line: Line, keeps = true): { around: Around; responses: ResponseStore } {
  if (cache === false) throw new Error("it is off");
  const responses = new ResponseStore(cache, () => Date.now());
  const around = openAround(
    {
      ...off,
      fallback,
      cache,
      coalesce: resolveCoalesce(true, "coalesce"),
      faults: new FaultInjector(faults, seededRandom(3)),
      responses: keeps ? responses : undefined,
      clock: line.clock,
      events: new EventHub(),
    },
    line.send,
  );
  if (around === undefined) throw new Error("there is nothing around");
  return { around, responses };
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date("2030-01-01T00:00:00Z") });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("what stands around calls", () => {
  it("is nothing where everything is off", () => {
    const line = new Line(new StepClock());
    expect(openAround({ ...off, clock: line.clock, events: new EventHub() }, line.send)).toBeUndefined();
  });

  it("makes the time and the cancellation around a call its own", () => {
    const line = new Line(new StepClock());
    const { around } = everything(line);
    const aborter = new AbortController();
    const caller = new Caller({ method: "POST" });
    runWithContext({ deadline: 700, signal: aborter.signal }, () => {
      around.send(caller.request, caller.whole);
    });
    expect(line.sent[0]!.request.timeoutMs).toBe(700);
    aborter.abort(new Error("left"));
    expect(caller.error).toMatchObject({ message: "left" });
  });

  it("has the fallback outermost, and a way without it", async () => {
    const line = new Line(new StepClock());
    const { around } = everything(line);
    const [one, two] = [new Caller({ path: "/1" }), new Caller({ path: "/2" })];
    around.send(one.request, one.whole);
    around.sendPlain(two.request, two.whole);
    const error = new ProxylessError("ERR_PROXYLESS_RESET", "broke");
    for (const sent of line.sent) sent.fail(error);
    await turn();
    expect([one.body, two.error]).toEqual(["value", error]);
  });

  it("works as one over real sockets: one request for many, the next from the cache, and old answers when it is down", async () => {
    const upstream = await server((request, response) => {
      response.sendDate = false;
      response.setHeader("cache-control", "max-age=60");
      answerOk(request, response);
    });
    const { client, heard, mesh } = layered([upstream.address], (inner, scope) => {
      if (cache === false) throw new Error("it is off");
      const responses = new ResponseStore(cache, () => Date.now());
      const { sendTo: sendElsewhere, ...rest } = scope;
      const coalesce = resolveCoalesce(true, "coalesce");
      const around = openAround(
        { ...off, ...rest, fallback, cache, coalesce, responses, sendElsewhere },
        inner,
      );
      if (around === undefined) throw new Error("there is nothing around");
      return around;
    });
    await mesh.ready("orders");
    const ask = async (): Promise<unknown> => (await client.GET("/x")).data;
    const ok = { ok: true };
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([ok, ok, ok]);
    expect(await ask()).toEqual(ok);
    expect(upstream.requests).toHaveLength(1);
    await upstream.close();
    vi.setSystemTime(Date.now() + 200_000);
    expect(await ask()).toEqual(ok);
    expect([
      heard("call.coalesced").length,
      heard("call.cached").map(({ how }) => how),
      heard("call.fell_back").map(({ to }) => to),
    ]).toEqual([2, ["hit"], ["stale"]]);
  });
});

describe("a great many calls", () => {
  it.each([
    [100_000, "fallback, coalescing and faults"],
    [10_000, "all that and a cache"],
  ])(
    "(%i) through %s leave no timer, no listener, no call and no more than may be kept",
    async (count, what) => {
      const clock = new StepClock();
      const line = new Line(clock);
      const { around, responses } = everything(line, what.includes("cache"));
      const random = seededRandom(5);
      const pick = (ways: number): number => Math.floor(random() * ways);
      const shared = new AbortController();
      let waiting: Caller[] = [];
      let ended = 0;
      for (let i = 0; i < count; i++) {
        const caller = new Caller({
          path: `/${pick(200)}`,
          method: pick(20) === 0 ? "PUT" : "GET",
          ...(pick(3) === 0 && { signal: shared.signal }),
          ...(pick(5) === 0 && { timeoutMs: 1 + pick(50) }),
        });
        around.send(caller.request, pick(2) === 0 ? caller.whole : caller.streamed);
        waiting.push(caller);
        if (i % 20 !== 19) continue;
        for (const gone of waiting) if (pick(20) === 0) gone.aborter.abort("gone");
        for (const sent of line.sent.splice(0)) {
          const way = pick(6);
          if (way === 0) sent.fail(new ProxylessError("ERR_PROXYLESS_RESET", "broke", { phase: "sent" }));
          else if (way === 1) sent.done(503, {}, "busy");
          else if (way > 2) sent.done(200, { "cache-control": "max-age=5, stale-if-error=5" }, `body ${i}`);
        }
        clock.advance(60_000);
        vi.setSystemTime(Date.now() + 1_000);
        await turn();
        clock.advance(60_000);
        ended += waiting.filter(({ end }) => end !== undefined).length;
        waiting = [];
      }
      expect(ended).toBe(count);
      expect(clock.pendingTimers).toBe(0);
      expect(getEventListeners(shared.signal, "abort")).toHaveLength(0);
      expect(around.coalescing?.flights).toBe(0);
      expect(around.fallback?.stale?.size).toBeLessThanOrEqual(50);
      expect([responses.size <= 50, responses.bytes <= 100_000]).toEqual([true, true]);
    },
    60_000,
  );

  it("(100000) in batches leave no timer, no listener and nobody who waits", async () => {
    const clock = new StepClock();
    const shared = new AbortController();
    const batcher = createBatcher<number, number>({
      clock,
      maxWaitMs: 5,
      load: (keys) => keys.map((key) => (key % 7 === 0 ? new Error("seven") : key)),
    });
    let settled = 0;
    for (let i = 0; i < 1_000; i++) {
      const all = Array.from({ length: 100 }, (_, key) =>
        batcher.load(key, { signal: shared.signal, timeoutMs: 50 }),
      );
      clock.advance(5);
      settled += (await Promise.allSettled(all)).length;
    }
    expect([settled, batcher.waiting, clock.pendingTimers]).toEqual([100_000, 0, 0]);
    expect(getEventListeners(shared.signal, "abort")).toHaveLength(0);
  }, 60_000);
});
