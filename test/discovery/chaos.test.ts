import { afterAll, describe, it } from "vitest";

import { chaosCases } from "./chaos-cases.ts";
import { leaderCases } from "./leader-cases.ts";
import { clusters, registries } from "./registries/index.ts";
import { Trial } from "./trial.ts";
import { abilitiesOf } from "./under-test.ts";
import type { RegistryUnderTest, StartRegistry } from "./under-test.ts";

/** One registry, started when it is first needed; what happens to it happens one after the other. */
class Room {
  readonly #start: StartRegistry;
  #registry: Promise<RegistryUnderTest> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(start: StartRegistry) {
    this.#start = start;
  }

  inTurn(work: (registry: RegistryUnderTest) => Promise<void>): Promise<void> {
    const turn = this.#after(this.#last, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #after(last: Promise<unknown>, work: (registry: RegistryUnderTest) => Promise<void>): Promise<void> {
    await last;
    this.#registry ??= this.#start();
    await work(await this.#registry);
  }

  async close(): Promise<void> {
    await this.#last;
    await (await this.#registry)?.stop();
  }
}

const suites = [
  ...Object.entries(registries).map(([name, entry]) => ({ name, entry, all: chaosCases })),
  ...Object.entries(clusters).map(([name, entry]) => ({ name, entry, all: leaderCases })),
];

// Registries side by side, because most of the time is spent waiting; what is done to one of them, in turn.
describe.concurrent.each(suites)("$name", ({ all, entry, name }) => {
  const { abilities, start } = entry;
  const room = new Room(start);
  afterAll(() => room.close(), 30_000);
  const cases = all.filter(({ needs }) => needs === undefined || abilities.includes(needs));

  it("can what is said of it, so that nothing is left out", { timeout: 120_000 }, ({ expect }) =>
    room.inTurn((registry) => {
      expect([...abilitiesOf(registry)].toSorted()).toEqual([...abilities].toSorted());
      return Promise.resolve();
    }),
  );

  it.for(cases)(
    "loses no call and follows again when it $what",
    { timeout: 300_000 },
    (chaos, { expect, onTestFinished }) =>
      room.inTurn(async (registry) => {
        const service = `${name}-${cases.indexOf(chaos)}`;
        const trial = await Trial.start(registry, service, chaos.isImpatient ?? false, onTestFinished);
        await chaos.run(trial);
        expect(await trial.ends()).toEqual([]);
      }),
  );
});
