import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { TimerHandle } from "../../src/clock.ts";
import { firstStep, StepSize } from "../../src/discovery/change-step.ts";
import { CurrentResolution } from "../../src/discovery/current-resolution.ts";
import { changeOf } from "../../src/discovery/diff.ts";
import { Freshness } from "../../src/discovery/freshness.ts";
import { Guard } from "../../src/discovery/guard.ts";
import { Reporter } from "../../src/discovery/reporter.ts";
import type { Diff, DirectoryEndpoint, Resolution, Subscription } from "../../src/discovery/resolution.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import { EventHub } from "../../src/event-hub.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { bound, ending, rig, rigFor } from "./rig.ts";

/** @param shift moves everybody to the address of another one, so many places on */
function many(count: number, { from = 0, shift = 0 } = {}): Endpoint[] {
  return Array.from({ length: count }, (_, i) => {
    const at = from + ((i + shift) % count);
    return fakeEndpoint(`e${String(from + i).padStart(5, "0")}`, { host: `10.0.${at >> 8}.${at & 255}` });
  });
}

function known(endpoints: readonly Endpoint[]): DirectoryEndpoint[] {
  return endpoints.map((endpoint) => ({ ...endpoint, held: false }));
}

function sizeOf({ added, removed, updated }: Diff): number {
  return added.length + updated.length + removed.length;
}

/** Knows its timers that keep a process alive. */
class ForegroundClock extends ManualClock {
  readonly foreground = new Set<TimerHandle>();

  override setTimer<T>(fn: (arg: T) => void, ms: number, arg: T, background = false): TimerHandle {
    const timer = super.setTimer(
      () => {
        this.foreground.delete(timer);
        fn(arg);
      },
      ms,
      undefined,
    );
    if (!background) this.foreground.add(timer);
    return timer;
  }

  override clearTimer(timer: TimerHandle): void {
    this.foreground.delete(timer);
    super.clearTimer(timer);
  }
}

/** Someone who knows nothing but what is told, and checks that it is always a list. */
class Follower {
  readonly sizes: number[] = [];
  readonly steps: number[] = [];
  /** What should not have been told. */
  readonly faults: string[] = [];
  partial = 0;
  #listed = new Map<string, DirectoryEndpoint>();

  constructor(subscription: Subscription, onStep: (step: number) => void = () => {}) {
    subscription.onChange((resolution, diff) => {
      this.#hear(resolution, diff);
      onStep(this.steps.length);
    });
  }

  get ids(): readonly string[] {
    return [...this.#listed.keys()].toSorted();
  }

  #hear(resolution: Resolution, diff: Diff): void {
    const listed = this.#listed;
    for (const { id } of diff.removed) this.#demand(listed.delete(id), `${id} goes that was not there`);
    for (const endpoint of diff.added) {
      this.#demand(!listed.has(endpoint.id), `${endpoint.id} comes that was there`);
      listed.set(endpoint.id, endpoint);
    }
    for (const [before, after] of diff.updated) {
      this.#demand(listed.get(before.id) === before, `${before.id} was something else`);
      listed.set(after.id, after);
    }
    const told = resolution.status === "bound" ? resolution.endpoints : [];
    const isSame = told.length === listed.size && told.every((each) => listed.get(each.id) === each);
    this.#demand(isSame, `the list of step ${this.steps.length} is not what its steps come to`);
    const addresses = new Set(Array.from(listed.values(), ({ host, port }) => `${host}:${port}`));
    this.#demand(addresses.size === listed.size, `two are at one address in step ${this.steps.length}`);
    if (resolution.status === "bound" && resolution.isPartial === true) this.partial++;
    this.sizes.push(listed.size);
    this.steps.push(sizeOf(diff));
  }

  #demand(isSo: boolean, otherwise: string): void {
    if (!isSo) this.faults.push(otherwise);
  }
}

describe("a long list", () => {
  it("is told in steps of at most two hundred and fifty, and who waits for it waits for all of it", async () => {
    const { clock, directory, said, source } = rig({ debounceMs: 0 });
    const orders = directory.subscribe("orders");
    const statuses: string[] = [];
    const follower = new Follower(orders, () => statuses.push(orders.current.status));
    const ready = orders.ready();
    source.put("orders", many(10_000));
    expect(follower.steps).toEqual([]);
    await clock.advance(0);
    // The first ones are small: nobody knows yet how long they take.
    expect(follower.steps).toEqual([50, 100, 200, ...Array.from({ length: 38 }, () => 250), 150]);
    expect(follower.partial).toBe(41);
    expect(follower.faults).toEqual([]);
    expect(statuses).toEqual([...Array.from({ length: 41 }, () => "pending"), "bound"]);
    expect(await ready).toMatchObject({ status: "bound", version: 42 });
    expect(orders.current).toHaveProperty("endpoints.length", 10_000);
    expect(orders.current).not.toHaveProperty("isPartial");
    // It is one list, and one piece of news.
    expect(said("discovery.updated")).toEqual([
      expect.objectContaining({ added: 10_000, updated: 0, removed: 0, endpoints: 10_000 }),
    ]);
    expect(directory.dump()[0]?.counts.updates).toBe(1);
  });

  it("changes in steps too, in none of which there are fewer endpoints than before or after", async () => {
    const { clock, directory, said, source } = rig({ debounceMs: 0 });
    const orders = directory.subscribe("orders");
    source.put("orders", many(4_000));
    await clock.advance(1_000);
    const follower = new Follower(orders);
    source.put("orders", many(4_000, { from: 2_000 }));
    await clock.advance(0);
    // What comes and what goes are each rounded up.
    expect(follower.steps.slice(1)).toEqual([50, 100, 200, ...Array.from({ length: 14 }, () => 250), 150]);
    expect(follower.faults).toEqual([]);
    expect(Math.min(...follower.sizes)).toBeGreaterThanOrEqual(4_000);
    expect(orders.current).toMatchObject({ status: "bound" });
    expect(said("discovery.updated")).toHaveLength(2);
    expect(said("discovery.updated").at(-1)).toMatchObject({ added: 2_000, removed: 2_000 });
  });

  it("goes in steps, and is absent with the last of them", async () => {
    const { clock, directory, source } = rig({ debounceMs: 0, emptyHoldMs: 0 });
    const orders = directory.subscribe("orders");
    source.put("orders", many(3_000));
    await clock.advance(1_000);
    const statuses: string[] = [];
    const follower = new Follower(orders, () => statuses.push(orders.current.status));
    source.delete("orders");
    await clock.advance(0);
    // What is left is short.
    expect(follower.sizes).toEqual([3_000, 2_950, 2_850, 2_650, 2_400, 2_150, 1_900, 0]);
    expect(statuses.slice(-2)).toEqual(["bound", "absent"]);
  });

  it("is told whole before an error, at the end of the time to wait for it, and not at all after a close", async () => {
    const { clock, directory, said, source } = rig({ debounceMs: 0, lingerMs: 0 });
    const orders = directory.subscribe("orders");
    const follower = new Follower(orders, (step) => {
      if (step === 3) source.fail("orders", { class: "auth", message: "who are you?" });
    });
    source.put("orders", many(5_000));
    await clock.advance(0);
    expect(follower.sizes).toEqual([50, 150, 350, 5_000]);
    expect(said("discovery.error")).toEqual([expect.objectContaining({ serving: 5_000 })]);
    expect(orders.current).toMatchObject({ status: "bound", stale: true });

    const before = clock.pendingTimers;
    let after: number | undefined;
    const users = directory.subscribe("users");
    const closed = new Follower(users, (step) => {
      if (step < 2) return;
      users.close();
      after = clock.pendingTimers;
    });
    const never = ending(users.ready());
    source.put("users", many(5_000));
    await clock.advance(0);
    expect(closed.sizes).toEqual([50, 150]);
    expect(await never).toMatchObject({ error: { code: "ERR_PROXYLESS_CLOSED" } });
    expect(after).toBe(before);
    await Promise.all([directory.close(), clock.advance(10_000)]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is an answer in time, even if it is still to be read then", async () => {
    const { clock, directory, source } = rig({ debounceMs: 0, initTimeoutMs: 1_000 });
    // Set before the alarm that ends the wait: it rings before that one, at the same time.
    clock.setTimer(() => source.put("orders", many(5_000)), 1_000, undefined);
    const orders = directory.subscribe("orders");
    const ready = orders.ready();
    await clock.advance(999);
    expect(orders.current).toEqual({ status: "pending" });
    await clock.advance(1);
    expect(await ready).toMatchObject({ status: "bound", endpoints: { length: 5_000 } });
  });

  it("keeps the process alive until who waits for it has it", async () => {
    const clock = new ForegroundClock();
    const source = fakeSource({ silent: true });
    const { directory } = rigFor(source, { debounceMs: 0 }, clock);
    const orders = directory.subscribe("orders");
    const foreground: number[] = [];
    void orders.ready();
    void new Follower(orders, () => foreground.push(clock.foreground.size));
    source.put("orders", many(2_000));
    await clock.advance(0);
    expect(foreground).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
  });

  it("that turns out to be no longer than what was told of it is whole", async () => {
    const clock = new ManualClock();
    const guard = new Guard({ holdMs: 0, maxShrinkRatio: 1, maxEndpoints: 100_000 });
    const parts = {
      clock,
      guard,
      freshness: new Freshness(clock, Infinity, () => {}),
      reporter: new Reporter("orders", "test", new EventHub()),
      changed: (resolution: Resolution) => {
        if (resolution.status === "bound" && resolution.isPartial === true) {
          partial++;
          offer(resolution.endpoints);
        }
      },
    };
    let partial = 0;
    const current = new CurrentResolution(parts);
    const offer = (endpoints: readonly DirectoryEndpoint[]): void => {
      guard.offer({ kind: "bound", endpoints, suspect: false, explicit: true }, clock.now());
      current.publish();
    };
    const all = known(many(3_000));
    offer(all.slice(0, 2_500));
    await clock.advance(0);
    expect(partial).toBe(1);
    expect(current.value).toMatchObject({ status: "bound" });
    expect(current.value).not.toHaveProperty("isPartial");
    expect(current.value).toBe(current.told);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is told from the beginning to who comes in the middle", async () => {
    const { clock, directory, source } = rig({ debounceMs: 0 });
    const second = directory.subscribe("orders");
    let late: Follower | undefined;
    const first = new Follower(directory.subscribe("orders"), (step) => {
      if (step === 3) late = new Follower(second);
    });
    source.put("orders", many(5_000));
    await clock.advance(0);
    expect(late?.sizes[0]).toBe(350);
    expect(late?.faults).toEqual([]);
    expect(late?.ids).toEqual(first.ids);
    expect(late?.ids).toHaveLength(5_000);
  });
});

describe("lists that come while another is told", () => {
  it("end in what the last of them says, whatever was told of the others", async () => {
    const list = fc.record({
      count: fc.integer({ min: 1_500, max: 3_500 }),
      from: fc.constantFrom(0, 500, 3_000),
      shift: fc.constantFrom(0, 0, 1, 700),
    });
    const plan = fc.array(fc.tuple(list, fc.integer({ min: 1, max: 8 })), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(plan, async (lists) => {
        const { clock, directory, source } = rig({ debounceMs: 0 });
        const orders = directory.subscribe("orders");
        const left = [...lists];
        let due = 0;
        const put = (step: number): void => {
          const next = left.shift();
          if (next === undefined) return;
          due = step + next[1];
          source.push("orders", bound(many(next[0].count, next[0]), { explicitRemovals: true }));
        };
        const follower = new Follower(orders, (step) => {
          if (step >= due) put(step);
        });
        put(0);
        for (let i = 0; i < 10; i++) {
          // eslint-disable-next-line no-await-in-loop -- time passes
          await clock.advance(1_000);
          put(follower.steps.length);
        }
        await clock.advance(1_000);
        const [last] = lists.at(-1)!;
        expect(follower.faults).toEqual([]);
        expect(follower.ids).toEqual(many(last.count, last).map(({ id }) => id));
        expect(orders.current).not.toHaveProperty("isPartial");
        await Promise.all([directory.close(), clock.advance(10_000)]);
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  it("are told in smaller steps where they take long, and in larger ones where they do not", () => {
    const size = new StepSize();
    const sizes = [9, 1, 1, 9, 1, 4, 1, 1].map((ms) => {
      size.took(ms);
      return size.value;
    });
    expect(sizes).toEqual([50, 100, 200, 100, 200, 250, 250, 250]);
  });

  it("are told as many steps in a turn of the event loop as that has time for", () => {
    const size = new StepSize();
    const turn = (steps: readonly number[]): readonly boolean[] => {
      size.beginTurn();
      return steps.map((ms) => size.took(ms));
    };
    expect(turn([0, 0, 0, 0])).toEqual([true, true, true, false]);
    expect(turn([1, 1, 1])).toEqual([true, true, false]);
    expect(turn([1.5])).toEqual([false]);
    expect(turn([1.3])).toEqual([true]);
  });

  it("never have two endpoints at one address, however they change places", () => {
    const base = known(many(3_000));
    for (const shift of [1, 5, 1_500, 2_999]) {
      let now: readonly DirectoryEndpoint[] = base;
      const to = known(many(3_000, { shift }));
      for (let steps = 0; now !== to; steps++) {
        now = firstStep(changeOf(now, to), 500).to;
        expect(new Set(now.map(({ host }) => host)).size).toBe(now.length);
        expect(steps).toBeLessThan(10);
      }
    }
  });
});
