import type { Mesh } from "@proxyless/core";

import { percentile } from "./meter.ts";

/** What one endpoint did in the last second. */
export interface EndpointStats {
  /** Of all attempts, 0 to 1. */
  readonly share: number;
  /** Of its answers; NaN when there were none. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Sample {
  readonly at: number;
  readonly endpoint: string;
  readonly ms: number;
  readonly answered: boolean;
}

const windowMs = 1000;

/** Listens to a mesh's attempts and retries. */
export class AttemptStats {
  #samples: Sample[] = [];
  retries = 0;

  constructor(mesh: Mesh) {
    mesh.on("attempt.completed", ({ endpoint, durationMs, outcome }) => {
      const answered = outcome === "success";
      this.#samples.push({ at: performance.now(), endpoint, ms: durationMs, answered });
    });
    mesh.on("call.retried", () => {
      this.retries++;
    });
  }

  /** The last second, by `host:port`. */
  recent(): (endpoint: string) => EndpointStats {
    const since = performance.now() - windowMs;
    this.#samples = this.#samples.filter(({ at }) => at >= since);
    const all = this.#samples;
    return (endpoint) => {
      const own = all.filter((sample) => sample.endpoint === endpoint);
      const answers = Float64Array.from(
        own.filter(({ answered }) => answered),
        ({ ms }) => ms,
      ).toSorted();
      return {
        share: all.length === 0 ? 0 : own.length / all.length,
        p50Ms: percentile(answers, 0.5),
        p99Ms: percentile(answers, 0.99),
      };
    };
  }
}
