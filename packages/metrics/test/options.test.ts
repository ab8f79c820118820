import { createMesh, memorySource } from "@proxyless/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createMetrics, instrumentMesh, prometheusEndpoint } from "../src/index.ts";

describe("bad options", () => {
  const mesh = createMesh({ discovery: memorySource({}) });
  afterAll(() => mesh.close());

  it.each([
    ["maxSeries", { maxSeries: 0 }, /maxSeries must be a whole number from 1 to 1000000/],
    ["attributes", { attributes: { mesh: ["a"] } }, /attributes\.mesh must be a string, a number/],
    ["templates", { templates: "yes" }, /templates must be true or false/],
    ["eventLoop", { eventLoop: 1 }, /eventLoop must be true or false/],
    ["endpoints", { endpoints: "all" }, /endpoints must be true or false/],
    ["histograms", { histograms: "native" }, /histograms must be explicit or exponential/],
    ["boundaries", { boundaries: [1, 1] }, /boundaries must be 1 to 200 ascending numbers/],
    ["no boundaries", { boundaries: [] }, /boundaries must be 1 to 200 ascending numbers/],
    ["one that does not exist", { endpoint: true }, /endpoint must be absent/],
  ])("are refused by name: %s", (_, options, message) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what plain JavaScript may hand in
    expect(() => createMetrics(mesh, options as never)).toThrow(message);
  });

  it("are refused for the metrics API, which cannot let go of endpoints' series", () => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    expect(() => instrumentMesh(mesh, { endpoints: true } as never)).toThrow(/endpoints must be absent/);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    expect(() => instrumentMesh(mesh, { meter: {} } as never)).toThrow(/meter must be a Meter/);
  });

  it("are refused where an endpoint listens", async () => {
    using metrics = createMetrics(mesh);
    await using endpoint = prometheusEndpoint(metrics);
    await expect(endpoint.listen({ port: 70_000 })).rejects.toThrow(/port must be a whole number/);
    await expect(endpoint.listen({ path: "metrics" })).rejects.toThrow(
      /path must be a path that begins with/,
    );
  });
});

describe("the event loop", () => {
  let blocked: ReadonlyMap<string, number>;
  beforeAll(async () => {
    await using mesh = createMesh({ discovery: memorySource({}) });
    using metrics = createMetrics(mesh);
    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        setTimeout(resolve, 60);
      });
    await turn();
    await metrics.collect();
    await turn();
    const end = performance.now() + 200;
    while (performance.now() < end);
    await turn();
    const { resourceMetrics } = await metrics.collect();
    const found = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    blocked = new Map(
      found.flatMap(({ dataPoints, descriptor }) =>
        dataPoints.map(({ value }) => [descriptor.name, Number(value)] as const),
      ),
    );
  });

  it("is told by its longest delay, in seconds", () => {
    expect(blocked.get("nodejs.eventloop.delay.max")).toBeGreaterThan(0.15);
    expect(blocked.get("nodejs.eventloop.delay.max")).toBeLessThan(10);
  });
});
