import { runChaos } from "./chaos-suite.ts";
import { partitionCases } from "./partition-cases.ts";
import { relayedClusters } from "./registries/index.ts";

// In a process of their own, and one after the other: what relays between members must not wait for other registries.
runChaos(
  Object.entries(relayedClusters).map(([name, entry]) => ({ name, entry, all: partitionCases })),
  { inTurn: true },
);
