import { describe, expect, it } from "vitest";

import { sleep } from "../../src/clock.ts";
import { ending } from "../discovery/rig.ts";
import { refuse, rig } from "./support/scripted-registry.ts";

describe("an update that the registry can never take", () => {
  it("is forgotten, but not what was told meanwhile", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onApply = ({ instance }) => (instance.weight === 9 ? refuse("config", "too heavy") : undefined);
    expect(await ending(handle.update({ weight: 9 }))).toMatchObject({ error: { retryable: false } });
    driver.onApply = async ({ instance }) => {
      await sleep(clock, 1_000);
      if (instance.weight === 9) refuse("config", "too heavy");
    };
    const heavy = ending(handle.update({ weight: 9 }));
    await clock.advance(500);
    const light = ending(handle.update({ weight: 3 }));
    await clock.advance(10_000);
    expect([await heavy, await light]).toMatchObject([{ error: { retryable: false } }, { value: undefined }]);
    await clock.advance(10_000);
    expect(driver.log.at(-1)).toMatch(/apply up 3$/u);
  });

  it("is forgotten also when a status was said while it was under way", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onApply = async ({ instance }) => {
      await sleep(clock, 1_000);
      if (instance.weight === 9) refuse("config", "too heavy");
    };
    const heavy = ending(handle.update({ weight: 9 }));
    await clock.advance(500);
    const down = ending(handle.setStatus("down"));
    await clock.advance(10_000);
    expect([await heavy, await down]).toMatchObject([{ error: { retryable: false } }, { value: undefined }]);
    expect(driver.log.at(-1)).toMatch(/apply down 1$/u);
    expect(handle.state).toBe("registered");
  });

  it("is said to be refused also when an attempt for something else finds out", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onApply = async ({ instance }) => {
      await sleep(clock, 1_000);
      if (instance.weight === 9) refuse("config", "too heavy");
    };
    const told = [handle.setStatus("down"), handle.update({ weight: 9 }), handle.setStatus("up")].map(ending);
    await clock.advance(10_000);
    expect(await Promise.all(told)).toMatchObject([
      { error: { message: expect.stringContaining("set to down yet") } },
      { error: { retryable: false, message: expect.stringContaining("could not be updated: too heavy") } },
      { value: undefined },
    ]);
    expect(driver.log.at(-1)).toMatch(/apply up 1$/u);
  });

  it("is forgotten when the registry comes back, which is said, and what was told before is kept", async () => {
    const { clock, driver, register, states } = rig();
    const handle = await register();
    driver.onApply = () => refuse("transient", "away");
    const told = [
      handle.update({ version: "1" }),
      handle.update({ version: "2" }),
      handle.update({ weight: 9 }),
      handle.setStatus("down"),
    ];
    expect(await Promise.all(told.map(ending))).toMatchObject(
      told.map(() => ({ error: { retryable: true } })),
    );
    const taken: unknown[] = [];
    driver.onApply = ({ instance: { weight, version }, status }) => {
      if (weight === 9) refuse("config", "too heavy");
      taken.push([weight, version, status]);
    };
    await clock.advance(10_000);
    expect(taken[0]).toEqual([1, "2", "down"]);
    expect(states).toEqual([
      "registered",
      "lost: instance orders-1 of orders could not be updated: too heavy",
      "registered",
    ]);
  });

  it("is said to be forgotten also where the entry is lost already", async () => {
    const { clock, driver, register, states } = rig();
    const handle = await register();
    driver.onApply = () => refuse("transient", "away");
    await ending(handle.update({ weight: 9 }));
    await clock.advance(60_000);
    driver.onApply = ({ instance }) => (instance.weight === 9 ? refuse("config", "too heavy") : undefined);
    await clock.advance(10_000);
    expect(states.slice(1)).toEqual([
      expect.stringMatching(/^lost: .*kept alive: away$/u),
      expect.stringMatching(/^lost: .*could not be updated: too heavy$/u),
      "registered",
    ]);
  });

  it("takes the place of older ones of the same, which are not tried again after it", async () => {
    const { clock, driver, register } = rig();
    const handle = await register();
    driver.onApply = () => refuse("transient", "away");
    for (const weight of [6, 7, 8, 9]) void ending(handle.update({ weight }));
    await clock.advance(0);
    driver.log.length = 0;
    driver.onApply = ({ instance }) => (instance.weight > 5 ? refuse("config", "too heavy") : undefined);
    await clock.advance(10_000);
    expect(driver.log.map((line) => line.replace(/^\d+ /u, "")).slice(0, 2)).toEqual([
      "apply up 9",
      "apply up 1",
    ]);
  });
});
