import { memorySource } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";

/** Where both sides learn of the instances. */
export interface Registry {
  /** For people. */
  readonly description: string;
  /** What proxyless uses. */
  readonly source: DiscoverySource;
  /** What an instance needs to register itself; undefined when {@link listed} does it for it. */
  readonly consul: { readonly url: string } | undefined;
  /** What the baseline knows. */
  addresses(): readonly string[];
  /** Resolves when this instance stands in the registry, in place of an earlier one of the same name. */
  listed(instance: { readonly name: string; readonly port: number }): Promise<void>;
  close(): Promise<void>;
}

/** A list in this process. It knows nothing of health: a dead instance stays in it until it is replaced. */
export function embeddedRegistry(): Registry {
  const source = memorySource();
  const ports = new Map<string, number>();
  return {
    description: "a list in memory",
    source,
    consul: undefined,
    addresses: () => Array.from(ports.values(), (port) => `127.0.0.1:${port}`),
    listed: async ({ name, port }) => {
      ports.set(name, port);
      source.add("orders", { id: name, host: "127.0.0.1", port });
    },
    close: async () => undefined,
  };
}
