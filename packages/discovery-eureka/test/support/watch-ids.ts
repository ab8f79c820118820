import type { DiscoverySource } from "@proxyless/core";
import type { Watching, WatchingOptions } from "@proxyless/core/testing";

import { watching } from "../../../../test/support/watching.ts";
import type { AtEnd } from "../../../../test/support/watching.ts";

/** Watches a service until the test is over; its states are `id health`, with the instance's own id. */
export function watchIds(
  source: DiscoverySource,
  service: string,
  more: WatchingOptions = {},
  atEnd?: AtEnd,
): Watching {
  const label: WatchingOptions["label"] = ({ health, id }) => `${id.split("/").at(-1)} ${health}`;
  return watching(source, service, { label, ...more }, atEnd);
}
