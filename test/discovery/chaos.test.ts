import { chaosCases } from "./chaos-cases.ts";
import { runChaos } from "./chaos-suite.ts";
import { leaderCases } from "./leader-cases.ts";
import { clusters, registries } from "./registries/index.ts";

runChaos([
  ...Object.entries(registries).map(([name, entry]) => ({ name, entry, all: chaosCases })),
  ...Object.entries(clusters).map(([name, entry]) => ({ name, entry, all: leaderCases })),
]);
