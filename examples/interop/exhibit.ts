import type { DiscoverySource } from "@proxyless/core";

/** A registry that runs, with a source on it. */
interface Registry {
  readonly source: DiscoverySource;
  /** Writes one instance of `orders` at a port of 127.0.0.1, as the framework writes it. */
  write(port: number): Promise<void>;
  stop(): Promise<void>;
}

/** Who registers how. */
export interface Exhibit {
  readonly registry: string;
  /** The framework whose format is written. */
  readonly framework: string;
  start(): Promise<Registry>;
}
