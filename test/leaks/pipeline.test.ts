import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { memorySource } from "@proxyless/core";
import type { ServiceOptions } from "@proxyless/core";
import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { expect, it } from "vitest";

import { openMesh } from "../../packages/core/src/mesh.ts";
import type { Attempt } from "../../packages/core/src/transport/attempt.ts";
import type { OpenTransport } from "../../packages/core/src/transport/transport.ts";

const calls = 1_000_000;
const perTurn = 1_000;

const everything: ServiceOptions = {
  timeout: { totalMs: 2_000, attemptMs: 500, queueMs: 200, headersMs: 400 },
  retry: { baseDelayMs: 5 },
  hedge: { percentile: 90 },
  circuit: { windowCalls: 1_000, slowCallMs: 1_000, failureRatio: 0.9 },
  rateLimit: { tokensPerSecond: 90_000, burst: 90_000, perKey: true, maxKeys: 100 },
  adaptiveThrottling: {},
  adaptiveConcurrency: { maxLimit: 1_000_000, initialLimit: 20_000 },
  healthCheck: undefined,
  balancer: "success-aware-ewma",
  coalesce: true,
  routes: [
    { match: { path: "/pooled" }, adaptiveConcurrency: false, bulkhead: { maxConcurrent: 50, maxQueue: 50 } },
    {
      match: { path: "/kept/{id}" },
      cache: { maxEntries: 100 },
      fallback: { stale: { maxAgeMs: 500, maxEntries: 50 } },
    },
    {
      match: { path: "/faulty" },
      faultInjection: { percent: 50, delay: { fixedMs: 20 }, abort: { status: 500 } },
      fallback: { value: { status: 200, body: "instead" } },
    },
  ],
};

const watched = [
  "call.cached",
  "call.coalesced",
  "call.fell_back",
  "call.hedged",
  "call.retried",
  "call.shed",
  "fault.injected",
] as const;

const paths = ["/x", "/pooled", "/kept/", "/faulty"];

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

/** Endpoints that answer at once or some milliseconds later, fail, break off, or never answer. */
function moody(clock: ManualClock): OpenTransport {
  const random = seededRandom(7);
  const answer = (attempt: Attempt, status: number): void => {
    attempt.onResponseStart(controller, status, { "cache-control": "max-age=1" });
    attempt.onResponseEnd(controller, {});
  };
  return () => ({
    send: (attempt) => {
      const fate = random();
      if (fate < 0.005) {
        attempt.onResponseError(null, Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
        return;
      }
      attempt.onRequestStart(controller);
      if (fate < 0.9) answer(attempt, 200);
      else if (fate < 0.99)
        clock.setTimer(() => answer(attempt, fate < 0.93 ? 503 : 200), 1 + 20 * fate, undefined);
      else if (fate < 0.995) attempt.onResponseError(null, new Error("reset"));
    },
    stats: () => undefined,
    check: () => Promise.resolve(undefined),
    disconnect: () => {},
    wasQueued: () => false,
    evictIdle: () => {},
    close: () => Promise.resolve(),
  });
}

/** Mostly the plain one; of what may be kept, some come again soon and some never. */
function pathOf(n: number): string {
  const path = paths[n % 16] ?? "/x";
  return path === "/kept/" ? `${path}${n % 3 === 0 ? n : n % 7}` : path;
}

function collected(): number {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc === "function") gc();
  return process.memoryUsage().heapUsed;
}

it(
  `${calls} calls through every policy leave no timer, no listener, no lease and nothing that grows`,
  { timeout: 180_000 },
  async () => {
    const clock = new ManualClock();
    const discovery = memorySource({ orders: Array.from({ length: 8 }, (_, i) => `10.0.0.${i + 1}:80`) });
    const options = { discovery, services: { orders: everything }, clock, random: seededRandom(1) };
    const { engine, mesh } = openMesh(options, moody(clock));
    await Promise.all([mesh.ready("orders"), clock.advance(100)]);
    const idleTimers = clock.pendingTimers;
    const caller = new AbortController();
    // By identity: taking one off twice takes nothing off the second time.
    const listeners = new Set<unknown>();
    const { signal } = caller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners.add(given[1]);
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners.delete(given[1]);
      remove(...given);
    };
    const ended = { done: 0, failed: 0 };
    const sink = {
      mode: "whole",
      done: () => void ended.done++,
      fail: () => void ended.failed++,
    } as const;
    // Each of these had something to do; looked at for a while only, because events are not made without a listener.
    const seen = new Set<string>();
    const stops = watched.map((type) => mesh.on(type, () => seen.add(type)));
    let heapBefore = 0;
    for (let sent = 0; sent < calls; sent += perTurn) {
      if (sent === calls / 10) {
        for (const stop of stops) stop();
        heapBefore = collected();
      }
      for (let i = 0; i < perTurn; i++) {
        const request = {
          method: "GET",
          path: pathOf(sent + i),
          headers: [],
          body: null,
          signal,
          rateLimitKey: `k${(sent + i) % 500}`,
        };
        engine.send("orders", request, sink);
      }
      await clock.advance(25);
    }
    await clock.advance(10_000);
    expect(ended.done + ended.failed).toBe(calls);
    // The others were refused: by the rate, the throttle, the limit or the circuit, each of which has had its turn.
    expect(ended.done).toBeGreaterThan(calls / 4);
    expect(listeners.size).toBe(0);
    const view = mesh.inspect().services[0]!;
    expect(view.calls).toBe(0);
    expect(view.endpoints.map(({ pending }) => pending)).toEqual(Array.from({ length: 8 }, () => 0));
    expect(view.limits).toMatchObject([
      { adaptiveConcurrency: { inFlight: 0 } },
      { bulkhead: { inFlight: 0, queued: 0 } },
    ]);
    expect([...seen].toSorted()).toEqual(watched.toSorted());
    expect(view.hedging[0]!.samples).toBeGreaterThan(0);
    expect(clock.pendingTimers).toBeLessThanOrEqual(idleTimers);
    expect(collected() - heapBefore).toBeLessThan(8_000_000);
    const closing = mesh.close();
    await clock.advance(20_000);
    await closing;
    expect(clock.pendingTimers).toBe(0);
  },
);
