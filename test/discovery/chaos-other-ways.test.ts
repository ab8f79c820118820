import { anotherCase, shortChaosCases } from "./chaos-cases.ts";
import { runChaos } from "./chaos-suite.ts";
import { movingFeeds, otherWays } from "./registries/index.ts";

// In a process of their own: they are enough for one.
runChaos([
  ...Object.entries(otherWays).map(([name, entry]) => ({ name, entry, all: shortChaosCases })),
  { name: "kubernetes-moving", entry: movingFeeds, all: [anotherCase] },
]);
