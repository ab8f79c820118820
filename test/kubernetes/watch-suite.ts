import type { Watching } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { describe, expect, it, onTestFinished } from "vitest";

import type { Cluster } from "./cluster.ts";
import { pods, sliceJson } from "./slices.ts";
import { watched, watchHosts } from "./watched.ts";

let spaces = 0;

/** The adapter on any API server: run against the scripted one and against real ones. */
export function watchSuite(cluster: () => Cluster, canFail = true): void {
  const fresh = (): Promise<string> => cluster().namespace(`watch-${++spaces}`);
  const follow = (namespace: string, service: string, more: object = {}): Watching => {
    const made = watched(cluster().options({ namespace, ...more }), service);
    onTestFinished(() => made.stop());
    return made;
  };

  describe("a watch", { timeout: 120_000 }, () => {
    it("merges all slices of a service, and follows each of them", async () => {
      const { writer } = cluster();
      const namespace = await fresh();
      await writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(2, 1) }), namespace);
      await writer.put(sliceJson({ name: "web-2", service: "web", pods: pods(2, 3) }), namespace);
      await writer.put(sliceJson({ name: "web-older", service: "web-older", pods: pods(1, 99) }), namespace);
      const watch = follow(namespace, "web");
      await watch.untilStates(["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"]);
      await writer.put(sliceJson({ name: "web-3", service: "web", pods: pods(1, 5) }), namespace);
      await watch.untilStates(["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"]);
      await writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(1, 1) }), namespace);
      await watch.untilStates(["10.1.0.1", "10.1.0.3", "10.1.0.4", "10.1.0.5"]);
      await writer.remove("web-2", namespace);
      await watch.untilStates(["10.1.0.1", "10.1.0.5"]);
      expect(watch.errors).toEqual([]);
      expect(watch.endpoints[0]).toMatchObject({ id: "uid-pod-1", port: 8080, health: "healthy", weight: 1 });
      expect(watch.endpoints[0]?.metadata).toMatchObject({ pod: "pod-1", namespace: "default" });
    });

    it("keeps 1,000 endpoints of 10 slices whole while each of the slices changes again and again", async () => {
      const { writer } = cluster();
      const namespace = await fresh();
      const slice = (n: number, round: number): ReturnType<typeof sliceJson> => {
        // The last pod of each slice changes its readiness; the others stay.
        const all = pods(100, 1 + n * 100).map(({ name, ip }, i) => {
          const ready = i < 99 || round % 2 === 0;
          return { name, ip, ready };
        });
        return sliceJson({ name: `big-${n}`, service: "big", pods: all });
      };
      const numbers = Array.from({ length: 10 }, (_, n) => n);
      await Promise.all(numbers.map((n) => writer.put(slice(n, 0), namespace)));
      const watch = follow(namespace, "big");
      await watch.until("1,000 endpoints", () => watch.endpoints.length === 1000);
      for (let round = 1; round <= 7; round++)
        await Promise.all(numbers.map((n) => writer.put(slice(n, round), namespace)));
      const unready = (): number => watch.endpoints.filter(({ health }) => health === "unhealthy").length;
      await watch.until("the last readiness of all", () => unready() === 10);
      expect(watch.snapshots.map(({ endpoints }) => endpoints.length)).toEqual(
        watch.snapshots.map(() => 1000),
      );
      expect(watch.errors).toEqual([]);
    });

    it("reads a list in pages", async () => {
      const { writer } = cluster();
      const namespace = await fresh();
      for (let n = 1; n <= 7; n++) {
        await writer.put(sliceJson({ name: `web-${n}`, service: "web", pods: pods(1, n) }), namespace);
      }
      const watch = follow(namespace, "web", { pageSize: 3, watchList: "never" });
      await watch.until("7 endpoints", () => watch.endpoints.length === 7);
      expect(watch.snapshots[0]?.endpoints).toHaveLength(7);
    });

    it("sees a service that comes after the watch, and one that goes", async () => {
      const { writer } = cluster();
      const namespace = await fresh();
      const watch = follow(namespace, `late.${namespace}.svc.cluster.local`);
      await watch.until("an answer", () => watch.snapshots.length > 0);
      expect(watch.snapshots[0]).toMatchObject({ kind: "absent", endpoints: [] });
      await writer.put(sliceJson({ name: "late-1", service: "late", pods: pods(1) }), namespace);
      await watch.untilStates(["10.1.0.1"]);
      await writer.put(sliceJson({ name: "late-1", service: "late", pods: [] }), namespace);
      await watch.until("an empty list", () => watch.snapshots.at(-1)?.endpoints.length === 0);
      expect(watch.snapshots.at(-1)).toMatchObject({ kind: "bound" });
      await writer.remove("late-1", namespace);
      await watch.until("its absence", () => watch.snapshots.at(-1)?.kind === "absent");
    });

    it("follows many services of a namespace with one watch, without losing sight of any", async () => {
      const { writer, options } = cluster();
      const namespace = await fresh();
      const names = Array.from({ length: 8 }, (_, i) => `service-${i}`);
      const one = (service: string, n: number): Promise<number> =>
        writer.put(sliceJson({ name: `${service}-a`, service, pods: pods(1, n) }), namespace);
      await Promise.all(names.map((name, i) => one(name, i + 1)));
      const source = kubernetes(options({ namespace, maxServiceWatches: 3 }));
      const watches = names.map((name) => watchHosts(source, name));
      onTestFinished(async () => {
        await Promise.all(watches.map((watch) => watch.stop()));
      });
      await Promise.all(watches.map((watch, i) => watch.untilStates([`10.1.0.${i + 1}`])));
      await Promise.all(names.map((name, i) => one(name, i + 101)));
      await Promise.all(watches.map((watch, i) => watch.untilStates([`10.1.0.${i + 101}`])));
      // Those who go take nothing from those who stay.
      await Promise.all(watches.slice(0, 7).map((watch) => watch.stop()));
      await one("service-7", 200);
      await watches[7]?.untilStates(["10.1.0.200"]);
      expect(watches.flatMap(({ errors }) => errors)).toEqual([]);
    });

    it("asks again when it is told to", async () => {
      const { writer } = cluster();
      const namespace = await fresh();
      await writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(2, 1) }), namespace);
      const watch = follow(namespace, "web");
      await watch.untilStates(["10.1.0.1", "10.1.0.2"]);
      const before = watch.snapshots.length;
      await expect
        .poll(
          () => {
            watch.refresh();
            return watch.snapshots.length;
          },
          { timeout: 20_000, interval: 200 },
        )
        .toBeGreaterThan(before);
      expect(watch.errors).toEqual([]);
      expect(watch.states).toEqual(["10.1.0.1", "10.1.0.2"]);
    });

    it.runIf(canFail)(
      "keeps what it knows while the server is killed, and sees what changed after it came back",
      async () => {
        const { writer, faults } = cluster();
        const namespace = await fresh();
        await writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(2, 1) }), namespace);
        const watch = follow(namespace, "web");
        await watch.untilStates(["10.1.0.1", "10.1.0.2"]);
        await faults?.kill();
        await watch.until("trouble", () => watch.errors.length > 0);
        expect(watch.errors[0]?.class).toBe("transient");
        await faults?.restart();
        await writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(3, 1) }), namespace);
        await watch.untilStates(["10.1.0.1", "10.1.0.2", "10.1.0.3"], 60_000);
        expect(watch.snapshots.every(({ endpoints }) => endpoints.length >= 2)).toBe(true);
      },
    );

    it.runIf(canFail)(
      "notices a server that stands still, and sees what changed after it goes on",
      async () => {
        const { writer, faults } = cluster();
        const namespace = await fresh();
        await writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(2, 1) }), namespace);
        const watch = follow(namespace, "web", { silenceMs: 1000, requestTimeoutMs: 500 });
        await watch.untilStates(["10.1.0.1", "10.1.0.2"]);
        // A change that is heard proves that the watch is open.
        await writer.put(sliceJson({ name: "web-2", service: "web", pods: pods(1, 9) }), namespace);
        await watch.untilStates(["10.1.0.1", "10.1.0.2", "10.1.0.9"]);
        await faults?.pause();
        try {
          await watch.until("trouble", () =>
            watch.errors.some(({ message }) => message.includes("no answer within 500 ms")),
          );
        } finally {
          faults?.resume();
        }
        await writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(3, 1) }), namespace);
        await watch.untilStates(["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.9"], 60_000);
        expect(watch.snapshots.every(({ endpoints }) => endpoints.length >= 2)).toBe(true);
      },
    );
  });
}
