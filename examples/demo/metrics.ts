import type { Mesh } from "@proxyless/core";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";

/** The metrics of the demo's mesh, for a Prometheus. */
export interface ScrapedMetrics {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves them on a free port of this machine alone. */
export async function openMetrics(mesh: Mesh): Promise<ScrapedMetrics> {
  const metrics = createMetrics(mesh);
  const endpoint = prometheusEndpoint(metrics);
  const url = await endpoint.listen({ port: 0 });
  return {
    url,
    close: async () => {
      await endpoint.close();
      metrics.close();
    },
  };
}
