import { churnCase } from "../../test/discovery/chaos-cases.ts";
import { runChaos } from "../../test/discovery/chaos-suite.ts";
import { compiled } from "../../test/discovery/registries/compiled.ts";

const installMs = 1_800_000;

// One registry after the other: what the machine can do is needed for one.
runChaos(
  Object.entries(compiled).map(([name, entry]) => ({
    name,
    entry,
    all: [churnCase],
  })),
  { startMs: installMs, inTurn: true },
);
