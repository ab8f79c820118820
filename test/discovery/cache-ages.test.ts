import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { DiscoverySource } from "@proxyless/core";
import { filter, map, mapSnapshots, merge, withCache } from "@proxyless/core/discovery";
import { fakeEndpoint, fakeSource, ManualClock, Watching } from "@proxyless/core/testing";
import { consul } from "@proxyless/discovery-consul";
import { dns } from "@proxyless/discovery-dns";
import { etcd } from "@proxyless/discovery-etcd";
import { eureka } from "@proxyless/discovery-eureka";
import { file } from "@proxyless/discovery-file";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { nacos } from "@proxyless/discovery-nacos";
import { xds } from "@proxyless/discovery-xds";
import { zookeeper } from "@proxyless/discovery-zookeeper";
import { describe, expect, it, onTestFinished, vi } from "vitest";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Nobody listens there. */
const address = "127.0.0.1:1";
const url = `http://${address}`;

const sources: readonly (readonly [string, number, () => DiscoverySource])[] = [
  ["kubernetes", 5 * minuteMs, () => kubernetes({ url })],
  [
    "xds",
    5 * minuteMs,
    () =>
      xds({
        bootstrap: {
          xds_servers: [{ server_uri: address, channel_creds: [{ type: "insecure" }] }],
          node: { id: "test" },
        },
      }),
  ],
  ["dns", hourMs, () => dns({ servers: address, name: "{service}.test", port: 80 })],
  ["consul", 24 * hourMs, () => consul({ url })],
  ["etcd", 24 * hourMs, () => etcd({ url })],
  ["eureka", 24 * hourMs, () => eureka({ url })],
  ["file", 24 * hourMs, () => file({ path: "/nowhere/mesh.json" })],
  ["nacos", 24 * hourMs, () => nacos({ url })],
  ["zookeeper", 24 * hourMs, () => zookeeper({ servers: address })],
];

/** A directory with a list of what the source would have said, saved at `clock`'s time. */
async function saved(source: DiscoverySource, clock: ManualClock): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "proxyless-ages-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const fake = fakeSource();
  fake.put("orders", [fakeEndpoint("a")]);
  const said: DiscoverySource = {
    name: source.name,
    key: (target) => source.key(target),
    watch: (target, sink, context) => fake.watch(target, sink, context),
  };
  const watching = new Watching(withCache(said, { directory }), "orders", { clock });
  await watching.until("it was said", () => watching.snapshots.length > 0);
  await vi.waitFor(
    async () => {
      await clock.advance(1);
      const names = await readdir(directory);
      expect(names.filter((name) => name.endsWith(".json"))).toHaveLength(1);
    },
    { timeout: 10_000, interval: 5 },
  );
  await watching.stop();
  return directory;
}

/** What a process makes of it that begins at `now` and hears nothing of its registry. */
async function served(source: DiscoverySource, directory: string, now: number): Promise<string> {
  const clock = new ManualClock(now);
  const cached = withCache(source, { directory, coldStartWaitMs: 0 });
  const watching = new Watching(cached, "orders", { clock });
  const verdict = (): string | undefined =>
    watching.notices.map(({ message }) => /from the disk|s old/.exec(message)?.[0]).find(Boolean);
  await vi.waitFor(
    async () => {
      await clock.advance(1);
      expect(verdict()).toBeDefined();
    },
    { timeout: 10_000, interval: 5 },
  );
  await watching.stop();
  await cached.close?.();
  return verdict() ?? "";
}

describe("how old a list on a disk may be", () => {
  it.each(sources)("is known to %s: %i ms", async (_, ageMs, make) => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const directory = await saved(make(), clock);
    const savedAt = clock.wallNow();
    expect(await served(make(), directory, savedAt + ageMs - minuteMs)).toBe("from the disk");
    expect(await served(make(), directory, savedAt + ageMs + minuteMs)).toBe("s old");
  });

  it("is what the source says also where it stands behind others, and the least of several", () => {
    const short = fakeSource({ cacheMaxAgeMs: 5 * minuteMs });
    const long = fakeSource({ cacheMaxAgeMs: 48 * hourMs });
    const usual = fakeSource();
    expect(map(short, (each) => each).cacheMaxAgeMs).toBe(5 * minuteMs);
    expect(mapSnapshots(short, (each) => each).cacheMaxAgeMs).toBe(5 * minuteMs);
    expect(filter(short, () => true).cacheMaxAgeMs).toBe(5 * minuteMs);
    expect(withCache(short, { directory: "/nowhere" }).cacheMaxAgeMs).toBe(5 * minuteMs);
    expect(merge({ long, short, usual }).cacheMaxAgeMs).toBe(5 * minuteMs);
    expect(merge({ long, other: long }).cacheMaxAgeMs).toBe(48 * hourMs);
    // Who says nothing means a day.
    expect(merge({ long, usual }).cacheMaxAgeMs).toBe(24 * hourMs);
    expect(merge({ a: merge({ short, usual }), long }).cacheMaxAgeMs).toBe(5 * minuteMs);
  });
});
