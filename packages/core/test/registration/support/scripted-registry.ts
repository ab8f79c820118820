import type { RegistrationDriver, WantedEntry } from "../../../src/registration/driver.ts";
import { resolveInstance } from "../../../src/registration/instance.ts";
import type { ServiceInstance } from "../../../src/registration/instance.ts";
import { createRegistrar } from "../../../src/registration/registrar.ts";
import type { RegistrationHandle } from "../../../src/registration/registrar.ts";
import { SourceError } from "../../../src/registry/source-error.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

export type Step = (wanted: WantedEntry, signal: AbortSignal) => Promise<void> | void;

/** A registry that does what a test says, and writes down what it was asked. */
export class ScriptedDriver implements RegistrationDriver {
  readonly periodMs = 10_000;
  readonly patienceMs = 30_000;
  readonly log: string[] = [];
  onApply: Step = () => {};
  onDrain: Step = () => {};
  onRemove: Step = () => {};
  lost: () => void = () => {};
  running = 0;
  overlaps = 0;
  closed = 0;
  /** It was asked to remove the entry when there was no time left for it. */
  wasLate = false;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async apply(wanted: WantedEntry, signal: AbortSignal): Promise<void> {
    const { instance, status } = wanted;
    this.log.push(`${this.#clock.now()} apply ${status} ${instance.weight}`);
    if (++this.running > 1) this.overlaps++;
    try {
      await this.onApply(wanted, signal);
    } finally {
      this.running--;
    }
  }

  async drain(wanted: WantedEntry, signal: AbortSignal): Promise<boolean> {
    this.log.push(`${this.#clock.now()} drain`);
    await this.onDrain(wanted, signal);
    return true;
  }

  async remove(wanted: WantedEntry, signal: AbortSignal): Promise<void> {
    this.log.push(`${this.#clock.now()} remove`);
    this.wasLate = signal.aborted;
    await this.onRemove(wanted, signal);
  }

  close(): void {
    this.closed++;
  }
}

export interface Rig {
  readonly clock: ManualClock;
  readonly driver: ScriptedDriver;
  readonly states: string[];
  readonly register: (
    options?: Partial<ServiceInstance>,
    signal?: AbortSignal,
  ) => Promise<RegistrationHandle>;
}

export function rig(): Rig {
  const clock = new ManualClock();
  const driver = new ScriptedDriver(clock);
  const states: string[] = [];
  const registrar = createRegistrar({
    name: "scripted",
    propagationMs: 2_000,
    resolve: (given: ServiceInstance) => resolveInstance(given),
    driver: (_, __, lost) => {
      driver.lost = lost;
      return driver;
    },
    clock,
    random: () => 1,
  });
  const register = (
    options: Partial<ServiceInstance> = {},
    signal?: AbortSignal,
  ): Promise<RegistrationHandle> => {
    const instance = {
      service: "orders",
      id: "orders-1",
      host: "10.0.0.1",
      port: 8080,
      onStateChange: (state: string, reason: Error | undefined) => {
        states.push(reason === undefined ? state : `${state}: ${reason.message}`);
        throw new Error("a listener's mistake");
      },
      ...options,
    };
    return registrar.register(instance, signal === undefined ? undefined : { signal });
  };
  return { clock, driver, states, register };
}

export const refuse = (kind: SourceError["class"], message = "no"): never => {
  throw new SourceError(kind, message);
};
/** Never ends by itself. */
export const stuck: Step = (_, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  });
export const deaf: Step = () => new Promise(() => {});
