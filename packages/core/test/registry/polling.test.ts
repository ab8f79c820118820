import { describe, expect, it } from "vitest";

import type { DiscoverySource, Endpoint } from "../../src/discovery/source.ts";
import { longPollSource } from "../../src/registry/long-poll-source.ts";
import type { LongPollQuestion } from "../../src/registry/long-poll-source.ts";
import { pollingSource } from "../../src/registry/polling-source.ts";
import type { PollAnswer, PollQuestion } from "../../src/registry/polling-source.ts";
import { SourceError } from "../../src/registry/source-error.ts";
import { sourceContract } from "../../src/testing/describe-source.ts";
import { bound, list, rigFor, serving, untyped } from "../discovery/rig.ts";
import type { Rig } from "../discovery/rig.ts";

function polled(
  fetchOnce: (service: string, question: PollQuestion) => Promise<PollAnswer>,
  parts: Partial<Parameters<typeof pollingSource>[0]> = {},
): Rig {
  return rigFor(pollingSource({ name: "poll", intervalMs: 1_000, jitterRatio: 0, fetchOnce, ...parts }));
}

describe("a polling source", () => {
  it("asks every so often, tells lists and that nothing changed", async () => {
    const answers: PollAnswer[] = [
      { snapshot: bound(list("a")) },
      { ageMs: 300 },
      { snapshot: bound(list("a", "b")) },
    ];
    const asked: number[] = [];
    const { clock, directory } = polled(async (_, question) => {
      asked.push(question.clock.now());
      return answers.shift() ?? {};
    });
    const orders = directory.subscribe("orders");
    await clock.advance(0);
    expect(serving(orders)).toBe("a");
    await clock.advance(1_000);
    expect(directory.dump()[0]?.ageMs).toBe(300);
    await clock.advance(1_100);
    expect(serving(orders)).toBe("a b");
    expect(asked).toEqual([0, 1_000, 2_000]);
  });

  it("asks when the registry says so, at once on a hint and firmly, and spreads its questions", async () => {
    const asked: [number, boolean][] = [];
    const { clock, directory } = polled(
      async (_, question) => {
        asked.push([Math.round(question.clock.now()), question.wasRefreshed]);
        return { snapshot: bound(list("a")), ...(asked.length === 1 ? { nextMs: 5_000 } : undefined) };
      },
      { jitterRatio: 0.5 },
    );
    const orders = directory.subscribe("orders");
    await clock.advance(2_400);
    expect(asked).toEqual([[0, false]]);
    orders.refresh("refused");
    await clock.advance(10);
    expect(asked[1]).toEqual([2_400, true]);
    await clock.advance(10_000);
    const gaps = asked.slice(2).map(([time], i) => time - asked[i + 1]![0]);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_000);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
    expect(new Set(gaps).size).toBeGreaterThan(2);
  });

  it("tells trouble with its class, keeps the last good list and backs off", async () => {
    let isDown = false;
    let asked = 0;
    const { clock, directory, said } = polled(async () => {
      asked++;
      if (isDown) throw new SourceError("auth", "403");
      return { snapshot: bound(list("a")) };
    });
    const orders = directory.subscribe("orders");
    await clock.advance(0);
    isDown = true;
    await clock.advance(60_000);
    expect(serving(orders)).toBe("a");
    expect(said("discovery.error")[0]).toMatchObject({ class: "auth", message: "403", serving: 1 });
    expect(asked).toBeLessThan(30);
    isDown = false;
    await clock.advance(30_000);
    expect(orders.current).toMatchObject({ stale: false });
  });

  it("gives a poll up that takes too long, even one that hears nothing of it", async () => {
    const signals: AbortSignal[] = [];
    const { clock, directory, said } = polled(
      (_, { signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
      { timeoutMs: 400 },
    );
    directory.subscribe("orders");
    await clock.advance(400);
    expect(signals[0]?.aborted).toBe(true);
    expect(said("discovery.error")[0]).toMatchObject({
      class: "transient",
      message: "no answer within 400 ms",
    });
    await clock.advance(1_000);
    expect(signals.length).toBeGreaterThan(1);
    const closed = directory.close();
    await clock.advance(1_000);
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });

  it("says nothing of an answer that comes after the end", async () => {
    let answer: (value: PollAnswer) => void = () => {};
    const { clock, directory } = polled(() => new Promise((resolve) => (answer = resolve)));
    const orders = directory.subscribe("orders");
    await clock.advance(0);
    const closed = directory.close();
    answer({ snapshot: bound(list("late")) });
    await closed;
    expect(serving(orders)).toBe("pending");
  });

  it.for<[string, object]>([
    ["intervalMs", { intervalMs: 1 }],
    ["timeoutMs", { timeoutMs: 1 }],
    ["jitterRatio", { jitterRatio: 2 }],
  ])("refuses a bad %s", ([field, parts]) => {
    expect(() => polled(async () => ({}), parts)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }),
    );
  });

  it("has the key, the declarations and the close that it is given", async () => {
    let closed = 0;
    const source = pollingSource({
      name: "poll",
      intervalMs: 1_000,
      emptyHoldMs: 7,
      fetchOnce: async () => ({}),
      key: (service) => `eu:${service}`,
      close: async () => void closed++,
    });
    expect(source).toMatchObject({ name: "poll", emptyHoldMs: 7 });
    expect(source.key({ service: "orders" })).toBe("eu:orders");
    await source.close?.();
    expect(closed).toBe(1);
  });
});

/** A registry that answers a question with an old index when its list changes. */
class Registry {
  readonly lists = new Map<string, { index: number; endpoints: readonly Endpoint[] }>();
  readonly asked: (number | undefined)[] = [];
  readonly #waiting = new Set<() => void>();
  isDown = false;

  put(service: string, endpoints: readonly Endpoint[]): void {
    const index = (this.lists.get(service)?.index ?? 0) + 1;
    this.lists.set(service, { index, endpoints: [...endpoints] });
    this.wake();
  }

  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  async poll(
    service: string,
    { cursor, signal }: LongPollQuestion<number>,
  ): Promise<PollAnswer & { cursor: number | undefined }> {
    this.asked.push(cursor);
    const isNews = (): boolean => cursor === undefined || this.lists.get(service)?.index !== cursor;
    while (!this.isDown && !isNews()) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    if (this.isDown) throw new SourceError("transient", "down");
    const found = this.lists.get(service);
    return { cursor: found?.index, snapshot: bound(found?.endpoints ?? []) };
  }

  source(): DiscoverySource {
    return longPollSource<number>({
      name: "registry",
      timeoutMs: 60_000,
      minGapMs: 20,
      poll: (service, question) => this.poll(service, question),
    });
  }
}

describe("a long-polling source", () => {
  it("goes on from its cursor, and without one after trouble and a hint", async () => {
    const registry = new Registry();
    registry.put("orders", list("a"));
    const { clock, directory } = rigFor(registry.source(), { debounceMs: 0 });
    const orders = directory.subscribe("orders");
    await clock.advance(100);
    registry.put("orders", list("a", "b"));
    await clock.advance(100);
    expect(serving(orders)).toBe("a b");
    expect(registry.asked).toEqual([undefined, 1, 2]);
    orders.refresh("refused");
    await clock.advance(100);
    expect(registry.asked).toEqual([undefined, 1, 2, undefined, 2]);
    registry.isDown = true;
    registry.wake();
    await clock.advance(10);
    registry.isDown = false;
    await clock.advance(1_000);
    expect(registry.asked.slice(5)).toEqual([undefined, 2]);
    expect(orders.current).toMatchObject({ stale: false });
  });

  it("begins anew after a hint that comes between two polls", async () => {
    const asked: (number | undefined)[] = [];
    const source = longPollSource<number>({
      name: "busy",
      timeoutMs: 60_000,
      minGapMs: 1_000,
      poll: async (_, { cursor }) => {
        asked.push(cursor);
        return { cursor: asked.length, snapshot: bound(list("a")) };
      },
    });
    const { clock, directory } = rigFor(source);
    const orders = directory.subscribe("orders");
    await clock.advance(1_500);
    orders.refresh("refused");
    await clock.advance(10);
    expect(asked).toEqual([undefined, 1, 2, undefined]);
    await directory.close();
  });

  it("does not ask a registry that always answers at once more often than it may", async () => {
    let asked = 0;
    const source = longPollSource<number>({
      name: "busy",
      timeoutMs: 60_000,
      minGapMs: 100,
      poll: async () => ({ cursor: asked++, snapshot: bound(list("a")) }),
    });
    const { clock, directory } = rigFor(source);
    directory.subscribe("orders");
    await clock.advance(10_000);
    expect(asked).toBeLessThanOrEqual(102);
    expect(asked).toBeGreaterThan(90);
    await directory.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("refuses numbers out of their range", () => {
    const make = (parts: object): unknown =>
      longPollSource(untyped({ name: "x", timeoutMs: 60_000, poll: async () => ({ cursor: 1 }), ...parts }));
    expect(() => make({ timeoutMs: 1 })).toThrow(expect.objectContaining({ field: "timeoutMs" }));
    expect(() => make({ minGapMs: -1 })).toThrow(expect.objectContaining({ field: "minGapMs" }));
  });

  it.for(
    sourceContract(
      () => {
        const registry = new Registry();
        return {
          source: registry.source(),
          put: (service, endpoints) => {
            registry.put(service, endpoints);
          },
          remove: (service, id) => {
            const before = registry.lists.get(service)?.endpoints ?? [];
            registry.put(
              service,
              before.filter((endpoint) => endpoint.id !== id),
            );
          },
          breakConnection: () => {
            registry.isDown = true;
            registry.wake();
          },
          restore: () => {
            registry.isDown = false;
          },
          touch: (service) => {
            registry.put(service, registry.lists.get(service)?.endpoints ?? []);
          },
          close: () => {},
        };
      },
      { timeoutMs: 5_000, quietMs: 50, without: ["putMalformed"], with: ["touch", "many"] },
    ),
  )("keeps the contract: $name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
