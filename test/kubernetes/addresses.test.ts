import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { describe, expect, it, onTestFinished } from "vitest";

import { ApiServer } from "./api-server.ts";
import { pods, sliceJson } from "./slices.ts";
import { watchHosts } from "./watched.ts";

async function apiServer(count: number): Promise<ApiServer> {
  const server = await ApiServer.start({ streamsLists: false });
  onTestFinished(() => server.stop());
  for (const service of ["web", "shop"]) {
    server.put(sliceJson({ name: `${service}-1`, service, pods: pods(count) }));
  }
  return server;
}

describe("several addresses of an API server", { timeout: 30_000 }, () => {
  it("are left together by those who lose one together", async () => {
    const [first, second] = [await apiServer(2), await apiServer(3)];
    const source = kubernetes({ url: [first.url, second.url] });
    const all = ["web", "shop"].map((service) => watchHosts(source, service));
    onTestFinished(async () => {
      await Promise.all(all.map((made) => made.stop()));
    });
    await expect.poll(() => first.watching, { timeout: 10_000 }).toBe(2);
    await first.kill();
    await Promise.all(all.map((made) => made.until("the other's", () => made.endpoints.length === 3)));
    await expect.poll(() => second.watching, { timeout: 10_000 }).toBe(2);
    expect(all.map(({ errors }) => errors.length)).toEqual([1, 1]);
  });

  it("all have their chance before anyone waits", async () => {
    const [first, second] = [await apiServer(2), await apiServer(3)];
    const source = kubernetes({ url: [first.url, second.url] });
    const made = watchHosts(source, "web", { clock: new ManualClock(), random: seededRandom(1) });
    onTestFinished(() => made.stop());
    await expect.poll(() => first.watching, { timeout: 10_000 }).toBe(1);
    await first.kill();
    // Not a millisecond goes by on the watch's clock.
    await expect.poll(() => second.watching, { timeout: 10_000 }).toBe(1);
  });
});
