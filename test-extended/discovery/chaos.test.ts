import { chaosCases } from "../../test/discovery/chaos-cases.ts";
import { runChaos } from "../../test/discovery/chaos-suite.ts";
import { compiled } from "../../test/discovery/registries/compiled.ts";

const installMs = 1_800_000;

runChaos(
  Object.entries(compiled).map(([name, entry]) => ({ name, entry, all: chaosCases })),
  { startMs: installMs },
);
