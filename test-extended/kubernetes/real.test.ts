import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startKubeApiserver, startKubeCrdServer } from "../../scripts/servers/index.ts";
import { contractCases } from "../../test/kubernetes/contract-suite.ts";
import { recovery, writeToWatch } from "../../test/kubernetes/figures.ts";
import type { Figures } from "../../test/kubernetes/figures.ts";
import { meshSuite, processFaults } from "../../test/kubernetes/mesh-suite.ts";
import { protocolSuite } from "../../test/kubernetes/protocol-suite.ts";
import { pods, sliceJson } from "../../test/kubernetes/slices.ts";
import { watchSuite } from "../../test/kubernetes/watch-suite.ts";
import { watched } from "../../test/kubernetes/watched.ts";
import { realCluster } from "./real-cluster.ts";
import type { RealCluster } from "./real-cluster.ts";

const installMs = 1_800_000;
const { reader, stranger, lister } = {
  reader: "reader-0123456789abcdef",
  stranger: "stranger-0123456789abcdef",
  lister: "lister-0123456789abcdef",
};

describe.each([
  { name: "kube-apiserver 1.20 (v1beta1)", start: startKubeApiserver, streamsLists: false },
  { name: "the 1.36 server for custom resources (v1)", start: startKubeCrdServer, streamsLists: true },
])("$name", ({ name, start, streamsLists }) => {
  let cluster: RealCluster;
  beforeAll(async () => {
    cluster = realCluster(name, await start());
  }, installMs);
  afterAll(() => cluster.stop());

  protocolSuite(() => cluster, { streamsLists, tokens: { reader, stranger, lister } });
  watchSuite(() => cluster);
  meshSuite(() => cluster, processFaults);

  describe("the contract of a source", () => {
    it.each(contractCases(() => cluster))(
      "$name",
      async ({ run }) => {
        await expect(run()).resolves.toBeUndefined();
      },
      120_000,
    );
  });

  it(
    "sends bookmarks to a watch that has nothing to hear, while others do",
    { timeout: 180_000 },
    async () => {
      const write = (service: string, n: number): Promise<number> =>
        cluster.writer.put(sliceJson({ name: `${service}-1`, service, pods: pods(1, n) }));
      await write("quiet", 1);
      const watch = watched(cluster.options(), "quiet");
      try {
        await watch.untilStates(["10.1.0.1"]);
        const began = performance.now();
        for (let n = 1; !watch.log.includes("alive") && performance.now() - began < 150_000; n++) {
          await write("busy", n);
          await sleep(1000);
        }
        expect(watch.log).toContain("alive");
        expect(watch.errors).toEqual([]);
        process.stdout.write(
          `${name}: first bookmark after ${Math.round((performance.now() - began) / 1000)} s\n`,
        );
      } finally {
        await watch.stop();
      }
    },
  );

  it("names the right that a token lacks", async () => {
    for (const [token, verb] of [
      [stranger, "(list|watch)"],
      [lister, "watch"],
    ] as const) {
      const watch = watched(cluster.options({ token }), "quiet");
      try {
        await watch.until("the refusal", () => watch.errors.length > 0);
        expect(watch.errors[0]?.class).toBe("auth");
        expect(watch.errors[0]?.message).toMatch(
          new RegExp(`needs the verb ${verb} on endpointslices of discovery.k8s.io in namespace default`),
        );
      } finally {
        await watch.stop();
      }
    }
  });

  it(
    "shows changes, and recovers from being killed, in times that are told",
    { timeout: 300_000 },
    async () => {
      const seen = await writeToWatch(cluster, 300);
      const back = await recovery(cluster, 5);
      tell(`${name}: write to watch`, seen);
      tell(`${name}: write after kill -9 and restart to watch`, back);
      expect(seen.samples).toBe(300);
      expect(back.max).toBeLessThan(35_000);
    },
  );
});

function tell(what: string, { samples, p50, p99, max }: Figures): void {
  process.stdout.write(`${what}: p50 ${p50} ms, p99 ${p99} ms, max ${max} ms, ${samples} samples\n`);
}
