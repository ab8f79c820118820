import { churnCase } from "../../test/discovery/chaos-cases.ts";
import { runChaos } from "../../test/discovery/chaos-suite.ts";
import { compiled } from "../../test/discovery/registries/compiled.ts";
import { registries } from "../../test/discovery/registries/index.ts";

const installMs = 1_800_000;
const endpoints = 10_000;

// One registry after the other: what the machine can do is needed for one.
runChaos(
  Object.entries({ ...registries, ...compiled }).map(([name, entry]) => ({
    name,
    entry,
    all: [churnCase(endpoints)],
  })),
  { startMs: installMs, inTurn: true },
);
