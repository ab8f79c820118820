import type { ServerResponse } from "node:http";

import { describe, expect, it } from "vitest";

import { LoopLag } from "../../src/engine/loop-lag.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { meshOf, server } from "../support/mesh.ts";

/** Keeps the event loop busy, as a large JSON document or a tight loop would. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("an event loop that stands still", () => {
  it("is not held against the endpoints: neither as a timeout nor as latency", async () => {
    const waiting: ServerResponse[] = [];
    let together = 1;
    // The server is in this process too: its answers are sent, and wait until the loop goes on.
    const upstream = await server((_, response) => {
      if (waiting.push(response) < together) return;
      for (const one of waiting.splice(0)) one.end("{}");
      if (together > 1) block(300);
    });
    const { mesh, events } = meshOf([upstream.address], { retry: false, timeout: { attemptMs: 150 } });
    const orders = mesh.service("orders");
    for (let i = 0; i < 20; i++) await orders.GET("/x");
    const before = mesh.inspect().services[0]!.endpoints[0]!.latencyMs!;
    together = 10;
    for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 10 }, () => orders.GET("/x")));
    expect(events("attempt.completed").filter(({ outcome }) => outcome !== "success")).toEqual([]);
    expect(mesh.inspect().services[0]!.endpoints[0]!.latencyMs!).toBeLessThan(before + 50);
  });
});

describe("LoopLag", () => {
  it("has no timer while nothing is in flight", async () => {
    const clock = new ManualClock();
    const lag = new LoopLag(clock);
    expect(clock.pendingTimers).toBe(0);
    const mark = lag.started(0);
    await clock.advance(100);
    expect(clock.pendingTimers).toBe(1);
    expect(lag.ended(mark, 100)).toBe(0);
    await clock.advance(20);
    expect(clock.pendingTimers).toBe(0);
  });

  it("sees a stall before its own timer was heard", () => {
    const clock = new ManualClock();
    const lag = new LoopLag(clock);
    const mark = lag.started(0);
    // 20 ms until the timer was due and 10 ms of patience are no stall.
    expect(lag.ended(mark, 230)).toBe(200);
  });

  it("counts a stall once for each attempt that was under way, and not for later ones", () => {
    const clock = new ManualClock();
    const lag = new LoopLag(clock);
    const one = lag.started(0);
    const other = lag.started(10);
    expect(lag.ended(one, 130)).toBe(100);
    expect(lag.ended(other, 130)).toBe(100);
    const late = lag.started(130);
    expect(lag.ended(late, 131)).toBe(1);
  });
});
