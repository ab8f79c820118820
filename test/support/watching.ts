import type { DiscoverySource } from "@proxyless/core";
import { Watching } from "@proxyless/core/testing";
import type { WatchingOptions } from "@proxyless/core/testing";
import { onTestFinished } from "vitest";

/** What a test does when it is over; a concurrent test has its own. */
export type AtEnd = typeof onTestFinished;

/** Watches a service of a source until the test is over. */
export function watching(
  source: DiscoverySource,
  service: string,
  options: WatchingOptions = {},
  atEnd: AtEnd = onTestFinished,
): Watching {
  const made = new Watching(source, service, options);
  atEnd(() => made.stop());
  return made;
}

/** Waits, by polling, for something that tells nobody. */
export async function eventually(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}
