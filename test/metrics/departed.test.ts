import { createMesh, memorySource } from "@proxyless/core";
import type { MemorySource, Mesh, MeshOptions } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { FaultyService } from "./support/faulty-service.ts";
import { sumOf } from "./support/scraped.ts";
import type { Scraped } from "./support/scraped.ts";
import { byApi, ways } from "./support/ways.ts";

/** A mesh whose services are only met in URLs, so that it forgets those that go. */
interface World {
  readonly clock: ManualClock;
  readonly mesh: Mesh;
  readonly source: MemorySource;
}

function world(services: Readonly<Record<string, string[]>>, options: Partial<MeshOptions> = {}): World {
  const clock = new ManualClock();
  const source = memorySource(services);
  return { clock, source, mesh: createMesh({ discovery: source, clock, drainMs: 0, ...options }) };
}

const call = (mesh: Mesh, url: string): Promise<unknown> =>
  mesh.fetch(url).then(
    (response) => response.text(),
    () => undefined,
  );

/** The levels of a service that are not 0: in Prometheus counters and histograms have names of their own. */
function levels(scraped: Scraped, service: string): readonly string[] {
  return [...scraped]
    .filter(([key, value]) => key.includes(`server_address="${service}"`) && value !== 0)
    .map(([key]) => key)
    .filter((key) => !/_(total|bucket|count|sum)\{/.test(key));
}

const noEndpoints = "proxyless_lb_no_endpoints";

describe.each(ways)("services that come and go, seen by %s,", (_, open) => {
  it("tell no endpoints of a name that is none, and are in no trouble", async () => {
    const { clock, mesh } = world({});
    await using seen = await open(mesh);
    await call(mesh, "http://nobody/");
    for (let second = 0; second < 5; second++) {
      const scraped = await seen.scrape();
      expect([...scraped.keys()].filter((key) => /lb_endpoints.*nobody/.test(key))).toEqual([]);
      expect(sumOf(scraped, noEndpoints, { server_address: "nobody" })).toBe(0);
      await clock.advance(1_000);
    }
    expect(mesh.read().services).toEqual([]);
    expect(levels(await seen.scrape(), "nobody")).toEqual([]);
    await mesh.close();
  });

  it("say that a name is called again and again that has no endpoint, and that this is over", async () => {
    await using service = await FaultyService.start();
    const { clock, mesh, source } = world({ empty: [] }, { services: { declared: {} } });
    await using seen = await open(mesh);
    mesh.service("declared");
    const told = async (): Promise<readonly number[]> => {
      for (const name of ["nobody", "empty"]) await call(mesh, `http://${name}/200`);
      const scraped = await seen.scrape();
      return ["nobody", "declared", "empty"].map((server_address) =>
        sumOf(scraped, noEndpoints, { server_address }),
      );
    };
    expect(await told()).toEqual([0, 0, 1]);
    for (let second = 0; second < 29; second++) {
      await clock.advance(1_000);
      await call(mesh, "http://nobody/");
    }
    expect(await told()).toEqual([0, 0, 1]);
    await clock.advance(1_000);
    expect(await told()).toEqual([1, 1, 1]);
    for (const name of ["nobody", "declared", "empty"]) source.set(name, [service.address]);
    await clock.advance(0);
    expect(await told()).toEqual([0, 0, 0]);
    await mesh.close();
  });

  it("leave no open circuit and no ejected endpoint behind", async () => {
    await using service = await FaultyService.start("0.0.0.0");
    const of = (host: number): string => `127.0.0.${host}:${service.port}`;
    const { clock, mesh, source } = world({ orders: [of(1), of(2), of(3)] });
    await using seen = await open(mesh);
    for (let i = 0; i < 30; i++) await call(mesh, "http://orders/500");
    mesh.circuit("orders").setMode("forced-open");
    const ill = { server_address: "orders", proxyless_endpoint_state: "ejected" };
    const opened = { server_address: "orders", proxyless_circuit_state: "open" };
    const before = await seen.scrape();
    expect(sumOf(before, "proxyless_lb_endpoints", ill)).toBeGreaterThan(0);
    expect(sumOf(before, "proxyless_circuit_state", opened)).toBe(1);

    source.set("orders", [of(4)]);
    await clock.advance(100);
    const replaced = await seen.scrape();
    expect(sumOf(replaced, "proxyless_lb_endpoints", ill)).toBe(0);
    expect(sumOf(replaced, "proxyless_circuit_state", opened)).toBe(1);

    source.delete("orders");
    await clock.advance(2_000);
    expect(mesh.read().services).toEqual([]);
    await seen.scrape();
    expect(levels(await seen.scrape(), "orders")).toEqual([]);
    await mesh.close();
  });

  it("leave nothing behind that alerts when the mesh is not measured any more", async () => {
    const { mesh } = world({ orders: ["127.0.0.1:1"] });
    await using seen = await open(mesh);
    await mesh.ready("orders");
    mesh.circuit("orders").setMode("forced-open");
    expect(levels(await seen.scrape(), "orders")).not.toEqual([]);
    seen.close();
    for (let time = 0; time < 2; time++) expect(levels(await seen.scrape(), "orders")).toEqual([]);
    await mesh.close();
  });
});

it("a count that an SDK keeps goes on where it was when the service comes back", async () => {
  const { clock, mesh } = world({});
  await using seen = await byApi(mesh);
  for (let times = 1; times <= 3; times++) {
    await call(mesh, "http://nobody/");
    for (let second = 0; second < 4; second++) {
      const told = sumOf(await seen.scrape(), "proxyless_client_calls_total", { server_address: "nobody" });
      expect(told).toBe(times);
      await clock.advance(1_000);
    }
    expect(mesh.read().services).toEqual([]);
  }
  await mesh.close();
});
