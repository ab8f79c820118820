import { createRegistrar, resolveInstance } from "../../../src/registry/index.ts";
import type {
  Registrar,
  RegistrationDriver,
  RegistrationStatus,
  ServiceInstance,
  WantedEntry,
} from "../../../src/registry/index.ts";
import type { ManualClock } from "../../../src/testing/manual-clock.ts";

/** A registry in memory that notes what it is told and can be made to fail. */
export class FakeRegistry {
  /** `status note` of each instance that is listed, by id. */
  readonly entries = new Map<string, string>();
  /** Everything it was told, in order. */
  readonly log: string[] = [];
  /** What the next calls of these kinds throw. */
  readonly failing = new Map<"apply" | "drain" | "remove", Error>();
  statuses: readonly RegistrationStatus[] | undefined;
  /** Tells the registration that its entry is gone. */
  lose: () => void = () => undefined;

  registrar(clock: ManualClock, propagationMs = 2000): Registrar {
    return createRegistrar({
      name: "fake",
      propagationMs,
      resolve: (given: ServiceInstance) => resolveInstance(given),
      driver: (_instance, _host, lost) => {
        this.lose = lost;
        return this.#driver();
      },
      clock,
      random: () => 0.5,
    });
  }

  #driver(): RegistrationDriver {
    return {
      periodMs: 3000,
      patienceMs: 9000,
      ...(this.statuses === undefined ? {} : { statuses: this.statuses }),
      apply: async (wanted) => {
        this.#tell("apply", wanted);
        this.entries.set(wanted.instance.id, `${wanted.status} ${wanted.note}`.trim());
      },
      drain: async (wanted) => {
        this.#tell("drain", wanted);
        const isListed = this.entries.has(wanted.instance.id);
        if (isListed) this.entries.set(wanted.instance.id, "draining");
        return isListed;
      },
      remove: async (wanted) => {
        this.#tell("remove", wanted);
        this.entries.delete(wanted.instance.id);
      },
      close: () => undefined,
    };
  }

  #tell(what: "apply" | "drain" | "remove", wanted: WantedEntry): void {
    this.log.push(what === "apply" ? `${what} ${wanted.status}` : what);
    const failure = this.failing.get(what);
    if (failure !== undefined) throw failure;
  }
}
