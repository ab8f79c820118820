import { runChaos } from "./chaos-suite.ts";
import { partitionCases } from "./partition-cases.ts";
import { relayedClusters } from "./registries/index.ts";

// In a process of their own: what relays between members must not wait for the many registries of the other suite.
runChaos(Object.entries(relayedClusters).map(([name, entry]) => ({ name, entry, all: partitionCases })));
