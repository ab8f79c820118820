import { shortChaosCases } from "./chaos-cases.ts";
import { runChaos } from "./chaos-suite.ts";
import { variants } from "./registries/index.ts";

// In a process of their own: they are enough for one.
runChaos(Object.entries(variants).map(([name, entry]) => ({ name, entry, all: shortChaosCases })));
