import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it, onTestFinished, vi } from "vitest";

import { withCache } from "../../src/discovery/combine/with-cache.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { bound, list, rigFor } from "./rig.ts";

const maxAgeMs = 400_000;

/** A process that has said `a`, which is in the file; lists are used for 400 s. */
async function start() {
  const directory = await mkdtemp(join(tmpdir(), "proxyless-renewal-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const source = fakeSource({ silent: true });
  const rig = rigFor(withCache(source, { directory, maxAgeMs }));
  rig.directory.subscribe("orders");
  const file = async (): Promise<{ readonly savedAt: number; readonly endpoints: readonly unknown[] }> => {
    const [name = ""] = await readdir(directory);
    return JSON.parse(await readFile(join(directory, name), "utf8"));
  };
  source.push("orders", bound(list("a")));
  await vi.waitFor(
    async () => {
      await rig.clock.advance(1);
      expect((await file()).endpoints).toHaveLength(1);
    },
    { timeout: 10_000, interval: 5 },
  );
  return { ...rig, source, file, firstAt: (await file()).savedAt };
}

describe("a list that does not change", () => {
  it("is as old in its file as its last confirmation, give or take a quarter of the age that it may have", async () => {
    const { clock, directory, file, firstAt, source } = await start();
    await clock.advance(90_000);
    source.alive("orders");
    await clock.advance(90_000);
    source.alive("orders");
    await clock.advance(1);
    await directory.close();
    expect((await file()).savedAt).toBeGreaterThanOrEqual(firstAt + 180_000);
  });

  it("is not written again for each of them", async () => {
    const { clock, directory, file, firstAt, source } = await start();
    for (let i = 0; i < 9; i++) {
      await clock.advance(10_000);
      source.alive("orders");
    }
    await directory.close();
    expect((await file()).savedAt).toBe(firstAt);
  });

  it.for([
    ["empty", bound([])],
    ["incomplete", bound(list("a"), { trust: "suspect" })],
    ["nonsense", bound([fakeEndpoint("a", { port: 0 })])],
    ["no list at all", "nonsense"],
  ] as const)(
    "gets no younger by a confirmation that means another one: one that is %s",
    async ([, other]) => {
      const { clock, directory, file, firstAt, source } = await start();
      source.push("orders", other);
      await clock.advance(180_000);
      source.alive("orders");
      await clock.advance(1);
      await directory.close();
      expect(await file()).toMatchObject({ savedAt: firstAt, endpoints: [{ id: "a" }] });
    },
  );
});
