import { afterAll, describe, it } from "vitest";

import type { ChaosCase } from "./chaos-cases.ts";
import { Trial } from "./trial.ts";
import { abilitiesOf } from "./under-test.ts";
import type { RegistryEntry, RegistryUnderTest, StartRegistry } from "./under-test.ts";

/** A kind of registry, and what is done to it. */
export interface ChaosSuite {
  readonly name: string;
  readonly entry: RegistryEntry;
  readonly all: readonly ChaosCase[];
}

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

/** How suites run. */
export interface ChaosRun {
  /** How long it may take until a registry stands; default 2 minutes. */
  readonly startMs?: number;
  /** One registry after the other. */
  readonly inTurn?: boolean;
}

/** Every case that a registry can bear becomes a test of it. */
export function runChaos(
  suites: readonly ChaosSuite[],
  { startMs = 120_000, inTurn = false }: ChaosRun = {},
): void {
  // Registries side by side, because most of the time is spent waiting; what is done to one of them, in turn.
  const each = inTurn ? describe.each(suites) : describe.concurrent.each(suites);
  each("$name", ({ all, entry, name }) => {
    const { abilities, start } = entry;
    const room = new Room(start);
    afterAll(() => room.close(), 30_000);
    const cases = all.filter(({ needs }) => needs === undefined || abilities.includes(needs));

    it("can what is said of it, so that nothing is left out", { timeout: startMs }, ({ expect }) =>
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
          // A name with dots in it would be a host's.
          const service = `${name.replaceAll(".", "-")}-${cases.indexOf(chaos)}`;
          const trial = await Trial.start(registry, service, chaos.isImpatient ?? false, onTestFinished);
          await chaos.run(trial);
          expect(await trial.ends()).toEqual([]);
        }),
    );
  });
}
