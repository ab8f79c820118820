import { churnCase } from "./chaos-cases.ts";
import { runChaos } from "./chaos-suite.ts";
import { registries, variants } from "./registries/index.ts";

// One registry after the other: so many endpoints are as much as the machine can do for one of them.
runChaos(
  Object.entries({ ...registries, ...variants }).map(([name, entry]) => ({
    name,
    entry,
    all: [churnCase],
  })),
  { inTurn: true },
);
