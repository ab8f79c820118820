import { describe, expect, it } from "vitest";

import type { RegistrationHandle } from "../../src/registration/registrar.ts";
import { SourceError } from "../../src/registry/source-error.ts";
import { ending, untyped } from "../discovery/rig.ts";
import { deaf, refuse, rig, stuck } from "./support/scripted-registry.ts";
import type { ScriptedDriver, Step } from "./support/scripted-registry.ts";

describe("a registration", () => {
  it("says itself, and says so again every period, for ever", async () => {
    const { clock, driver, register, states } = rig();
    const handle = await register();
    expect(handle.state).toBe("registered");
    await clock.advance(30_000);
    expect(driver.log).toEqual(["0 apply up 1", "10000 apply up 1", "20000 apply up 1", "30000 apply up 1"]);
    expect(states).toEqual(["registered"]);
  });

  it("rejects at once when it is refused, in time when the registry is away, and lets go of everything", async () => {
    for (const kind of ["auth", "config"] as const) {
      const { clock, driver, register } = rig();
      driver.onApply = () => refuse(kind, "not you");
      expect(await ending(register())).toMatchObject({
        error: {
          code: "ERR_PROXYLESS_REGISTRATION",
          message: expect.stringContaining("not you"),
          retryable: false,
        },
      });
      expect(driver.closed).toBe(1);
      expect(clock.pendingTimers).toBe(0);
    }
    const { clock, driver, register } = rig();
    driver.onApply = () => refuse("transient");
    const end = ending(register({ startTimeoutMs: 1_000 }));
    await clock.advance(1_000);
    expect(await end).toMatchObject({ error: { retryable: true } });
    expect(driver.log.length).toBeGreaterThan(2);
  });

  it("is tried once more when its time ends, however long the pause before would be", async () => {
    const { clock, driver, register } = rig();
    const registry = { isUp: false };
    driver.onApply = () => {
      if (!registry.isUp) refuse("transient");
    };
    const startTimeoutMs = 5_000;
    const end = ending(register({ startTimeoutMs }));
    await clock.advance(startTimeoutMs - 1);
    registry.isUp = true;
    await clock.advance(1);
    expect(await end).toMatchObject({ value: { state: "registered" } });
  });

  it("is not asked for again before the registry wants to be, and rejects at once where that is too late", async () => {
    const { clock, driver, register } = rig();
    driver.onApply = () => {
      throw new SourceError("transient", "busy", { retryAfterMs: 20_000 });
    };
    expect(await ending(register({ startTimeoutMs: 10_000 }))).toMatchObject({
      error: { retryAfterMs: 20_000 },
    });
    expect(driver.log).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("goes on trying in the background where nobody waits, more than five times", async () => {
    const { clock, driver, register, states } = rig();
    driver.onApply = () => refuse("transient");
    const handle = await register({ startTimeoutMs: 0 });
    await clock.advance(300_000);
    expect(driver.log.length).toBeGreaterThan(20);
    expect(handle.state).toBe("registering");
    driver.onApply = () => {};
    await clock.advance(10_000);
    expect(states).toEqual(["registered"]);
  });

  it("is lost when it is refused, or not heard for as long as the registry has patience, and comes back", async () => {
    const { clock, driver, register, states } = rig();
    await register();
    driver.onApply = () => refuse("transient", "away");
    await clock.advance(29_000);
    expect(states).toEqual(["registered"]);
    await clock.advance(25_000);
    expect(states[1]).toMatch(/^lost: instance orders-1 of orders is no longer kept alive: away$/u);
    driver.onApply = () => {};
    await clock.advance(10_000);
    expect(states[2]).toBe("registered");
    driver.onApply = () => refuse("auth", "403");
    await clock.advance(10_000);
    expect(states[3]).toMatch(/^lost: .*403$/u);
  });

  it("looks at once when its driver hears that the entry is gone", async () => {
    const { clock, driver, register } = rig();
    await register();
    await clock.advance(3_000);
    driver.lost();
    await clock.advance(0);
    expect(driver.log.at(-1)).toBe("3000 apply up 1");
  });

  it("keeps what it was told, through whatever happens to the registry", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onApply = () => refuse("transient", "away");
    expect(await ending(handle.setStatus("down", "disk full"))).toMatchObject({
      error: { code: "ERR_PROXYLESS_REGISTRATION", message: expect.stringContaining("set to down yet") },
    });
    expect(await ending(handle.update({ weight: 7 }))).toMatchObject({ error: { retryable: true } });
    driver.onApply = () => {};
    await clock.advance(10_000);
    expect(driver.log.at(-1)).toMatch(/apply down 7$/u);
  });

  it("never asks the registry two things at once", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onApply = () => new Promise((resolve) => clock.setTimer(resolve, 3_000, undefined));
    const told = [handle.setStatus("down"), handle.update({ weight: 2 }), handle.setStatus("up")];
    driver.lost();
    await clock.advance(60_000);
    await Promise.all(told);
    expect(driver.overlaps).toBe(0);
    expect(driver.log.at(-1)).toMatch(/apply up 2$/u);
  });

  it.for<[string, (handle: RegistrationHandle) => Promise<void>, string]>([
    ["status", (handle) => handle.setStatus(untyped("sleepy")), "one of starting, up"],
    ["weight", (handle) => handle.update({ weight: -1 }), "from 0 to 65535"],
    ["port", (handle) => handle.update(untyped({ port: 1 })), "absent"],
    ["metadata", (handle) => handle.update({ metadata: { "a b": "c" } }), "keys of"],
  ])("refuses a bad %s without asking the registry", async ([field, change, message]) => {
    const { driver, register } = rig();
    const handle = await register();
    expect(await ending(change(handle))).toMatchObject({
      error: { code: "ERR_PROXYLESS_CONFIG", field, message: expect.stringContaining(message) },
    });
    expect(driver.log).toHaveLength(1);
  });
});

describe("giving up while it is being registered", () => {
  it.for<[string, Step, number]>([
    ["between two attempts", () => refuse("transient"), 0],
    ["in an attempt", stuck, 0],
    ["in an attempt that does not hear of it", deaf, 2_500],
  ])("%s ends it, takes back what the registry may have heard, and lets go", async ([, step, lasts]) => {
    const { clock, driver, register, states } = rig();
    driver.onApply = step;
    const stop = new AbortController();
    let [endedAt, timers] = [-1, -1];
    const end = ending(
      register({ startTimeoutMs: 600_000 }, stop.signal).finally(() => {
        [endedAt, timers] = [clock.now(), clock.pendingTimers];
      }),
    );
    await clock.advance(5_150);
    const before = driver.log.length;
    stop.abort();
    await clock.advance(10_000);
    expect(await end).toMatchObject({
      error: { code: "ERR_PROXYLESS_CLOSED", message: expect.stringContaining("told to leave before") },
    });
    expect([endedAt, timers]).toEqual([5_150 + lasts, 0]);
    expect(driver.log.slice(before)).toEqual([`${5_150 + lasts} remove`]);
    expect(driver.closed).toBe(1);
    expect(states).toEqual(["deregistered"]);
    await clock.advance(600_000);
    expect(driver.log).toHaveLength(before + 1);
  });

  it("before the first attempt asks the registry nothing", async () => {
    for (const startTimeoutMs of [0, 10_000]) {
      const { driver, register } = rig();
      expect(await ending(register({ startTimeoutMs }, AbortSignal.abort()))).toMatchObject({
        error: { code: "ERR_PROXYLESS_CLOSED" },
      });
      expect(driver.log).toEqual([]);
      expect(driver.closed).toBe(1);
    }
  });

  it("takes no longer than leaving where the registry does not let it be taken back", async () => {
    const { clock, driver, register, states } = rig();
    driver.onApply = deaf;
    driver.onRemove = deaf;
    const stop = new AbortController();
    const end = ending(register({ startTimeoutMs: 600_000 }, stop.signal));
    await clock.advance(1);
    stop.abort();
    await clock.advance(5_000);
    expect(await end).toMatchObject({ error: { code: "ERR_PROXYLESS_CLOSED" } });
    expect(states).toEqual([expect.stringMatching(/^deregistered: .* will be forgotten later/u)]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("comes too late once it is registered", async () => {
    const { clock, driver, register } = rig();
    const stop = new AbortController();
    const handle = await register({}, stop.signal);
    stop.abort();
    await clock.advance(20_000);
    expect(handle.state).toBe("registered");
    expect(driver.log.at(-1)).toMatch(/apply/u);
  });

  it("hears nothing of an attempt that comes to pass after all", async () => {
    const { clock, driver, register, states } = rig();
    const late = Promise.withResolvers<void>();
    driver.onApply = () => late.promise;
    const stop = new AbortController();
    const end = ending(register({}, stop.signal));
    await clock.advance(1);
    stop.abort();
    await clock.advance(5_000);
    late.resolve();
    await end;
    await clock.advance(1);
    expect(states).toEqual(["deregistered"]);
  });
});

describe("leaving", () => {
  it("drains, waits for the news to spread, removes, and lets go; twice is once", async () => {
    const { clock, driver, register, states } = rig();
    const handle = await register();
    const leaving = [handle.deregister(), handle.deregister(), handle[Symbol.asyncDispose]()];
    await clock.advance(2_000);
    await Promise.all(leaving);
    await handle.deregister();
    expect(driver.log.slice(1)).toEqual(["0 drain", "2000 remove"]);
    expect(driver.closed).toBe(1);
    expect(handle.state).toBe("deregistered");
    expect(states.at(-1)).toBe("deregistered");
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(100_000);
    expect(driver.log).toHaveLength(3);
    expect(await ending(handle.setStatus("up"))).toMatchObject({ error: { code: "ERR_PROXYLESS_CLOSED" } });
  });

  it("does not wait where nothing is listed, and asks nothing of a registry that was never told", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onDrain = () => refuse("transient");
    await handle.deregister();
    expect(driver.log.slice(1)).toEqual(["0 drain", "0 remove"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("never rejects: what could not be said is told as the reason", async () => {
    const { driver, register, states } = rig();
    const handle = await register();
    driver.onRemove = () => refuse("transient", "away");
    await handle.deregister({ propagationMs: 0 });
    expect(states.at(-1)).toMatch(/^deregistered: .*will be forgotten later: away$/u);
    expect(driver.closed).toBe(1);
  });

  it.for<[string, (driver: ScriptedDriver, step: Step) => void]>([
    ["draining", (driver, step) => (driver.onDrain = step)],
    ["removal", (driver, step) => (driver.onRemove = step)],
  ])("takes five seconds beside the wait at the most when %s is stuck", async ([, script]) => {
    for (const step of [stuck, deaf]) {
      const { clock, driver, register } = rig();
      const handle = await register();
      script(driver, step);
      let left = -1;
      const leaving = handle.deregister({ propagationMs: 1_000 }).then(() => (left = clock.now()));
      await clock.advance(10_000);
      await leaving;
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(6_000);
      expect(clock.pendingTimers).toBe(0);
      expect(driver.closed).toBe(1);
      expect(driver.log.at(-1)).toMatch(/remove$/u);
      expect(driver.wasLate).toBe(false);
    }
  });

  it("does not wait for ever for a beat that does not hear of the end, and still removes the entry", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onApply = deaf;
    await clock.advance(10_000);
    let left = -1;
    const leaving = handle.deregister({ propagationMs: 0 }).then(() => (left = clock.now()));
    await clock.advance(10_000);
    await leaving;
    expect(left).toBeLessThanOrEqual(15_000);
    expect(driver.log.at(-1)).toMatch(/remove$/u);
  });
});
