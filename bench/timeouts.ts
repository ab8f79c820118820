import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createMesh, staticSource } from "@proxyless/core";

import type { Row } from "./row.ts";
import { median } from "./statistics.ts";

export interface TimeoutsOptions {
  readonly calls: number;
  readonly progress: (text: string) => void;
}

const limitMs = 50;

/** When a time limit of 50 ms ends a call to a server that never answers; undici's own timers are up to a second late. */
export async function benchTimeouts({ calls, progress }: TimeoutsOptions): Promise<readonly Row[]> {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo;
  const mesh = createMesh({
    discovery: staticSource({ silent: [`127.0.0.1:${port}`] }),
    services: {
      silent: { timeout: { attemptMs: limitMs }, retry: false, circuit: false, outlierDetection: false },
    },
  });
  const client = mesh.service("silent");
  const tookMs: number[] = [];
  for (let i = 0; i < calls; i++) {
    progress(`timeouts: ${i + 1} of ${calls}`);
    const begunAt = performance.now();
    await client.GET("/").catch(() => {});
    tookMs.push(performance.now() - begunAt);
  }
  await mesh.close();
  server.closeAllConnections();
  server.close();
  const sorted = tookMs.toSorted((a, b) => a - b);
  const row = (metric: "p50" | "p99", value: number, target: number | null): Row => ({
    name: `a time limit of ${limitMs} ms`,
    metric,
    value,
    ratio: null,
    against: null,
    target,
  });
  return [row("p50", median(tookMs), 60), row("p99", sorted[Math.floor(0.99 * sorted.length)]!, null)];
}
