import type { Clock } from "../clock.ts";
import { configError } from "../errors.ts";
import type { EventHub } from "../event-hub.ts";
import { checkArray, checkNumber, checkObject } from "../option-checks.ts";
import type { CircuitMode, ResolvedCircuit } from "../policies/circuit/circuit-policy.ts";
import type { CircuitImport, CircuitSnapshot } from "../policies/circuit/circuit-snapshot.ts";
import type { CircuitView } from "../policies/circuit/circuit-types.ts";
import { Circuit } from "../policies/circuit/circuit.ts";
import type { Random } from "../random.ts";

/** A circuit, by hand. What is done here is told by events, and stays until it is undone. */
export interface CircuitControl {
  /** As `mesh.inspect()` shows it. */
  readonly view: CircuitView;
  /** Forces it open or closed, has it only count, or lets it decide again. */
  setMode(mode: CircuitMode): void;
  /** Closes it and forgets what it has counted. */
  reset(): void;
}

/** What the circuits of a mesh know, as JSON: for the process that comes after this one. */
export interface CircuitState {
  readonly version: 1;
  /** Milliseconds since 1970. */
  readonly exportedAt: number;
  readonly circuits: readonly {
    readonly service: string;
    /** The route whose own circuit it is: its path, after its methods where it has some. */
    readonly route?: string | undefined;
    readonly snapshot: CircuitSnapshot;
  }[];
}

/** A state that was exported, on its way into the circuits of a mesh. */
export class ImportedCircuits {
  readonly #elapsedMs: number;
  readonly #snapshots: ReadonlyMap<string, unknown>;

  /**
   * @param wallNow milliseconds since 1970
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what no mesh has exported
   */
  constructor(input: unknown, wallNow: number) {
    const given = checkObject(input, "circuitState", ["version", "exportedAt", "circuits"]);
    if (input !== undefined && given["version"] !== 1)
      throw configError("circuitState.version", "1", given["version"]);
    const times = { min: 0, max: Number.MAX_SAFE_INTEGER };
    const exportedAt = checkNumber(given["exportedAt"], "circuitState.exportedAt", times) ?? wallNow;
    // Clocks of two machines differ: what comes from the future was exported just now.
    this.#elapsedMs = Math.max(0, wallNow - exportedAt);
    const circuits = checkArray(given["circuits"], "circuitState.circuits", "circuits") ?? [];
    this.#snapshots = new Map(
      circuits.map((value, index) => {
        const at = `circuitState.circuits[${index}]`;
        const { route, service, snapshot } = checkObject(value, at, ["service", "route", "snapshot"]);
        if (typeof service !== "string") throw configError(`${at}.service`, "the name of a service", service);
        if (route !== undefined && typeof route !== "string")
          throw configError(`${at}.route`, "a path", route);
        return [keyOf(service, route), snapshot];
      }),
    );
  }

  of(service: string, route: string | undefined): CircuitImport | undefined {
    const snapshot = this.#snapshots.get(keyOf(service, route));
    return snapshot === undefined ? undefined : { snapshot, elapsedMs: this.#elapsedMs };
  }
}

export interface CircuitsOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly imported: ImportedCircuits;
}

interface Entry {
  readonly route: string | undefined;
  /** Tells routes of the same path apart: with the methods, where it has some. */
  readonly label: string | undefined;
  readonly circuit: Circuit;
}

/** The circuits of one service: its own, and those of its routes. */
export class Circuits implements Iterable<Entry> {
  readonly #options: CircuitsOptions;
  #all: Entry[] = [];

  constructor(options: CircuitsOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#all.values();
  }

  /** @returns the circuit as a list of one; of none where there is no policy */
  open(
    policy: ResolvedCircuit | false,
    route: string | undefined,
    label: string | undefined = route,
  ): readonly Circuit[] {
    if (policy === false) return [];
    const { clock, events, imported, random, service } = this.#options;
    const state = imported.of(service, label);
    const circuit = new Circuit({
      policy,
      random,
      now: clock.now(),
      ...(state === undefined ? undefined : { import: state }),
      onOpen: (opening) => {
        if (events.wants("circuit.opened"))
          events.emit({ type: "circuit.opened", service, route, ...opening });
      },
      onHalfOpen: (enforced) => {
        if (events.wants("circuit.half_opened"))
          events.emit({ type: "circuit.half_opened", service, route, enforced });
      },
      onClose: (enforced) => {
        if (events.wants("circuit.closed")) events.emit({ type: "circuit.closed", service, route, enforced });
      },
      onMode: (mode, now) => {
        if (events.wants("circuit.mode_changed"))
          events.emit({ type: "circuit.mode_changed", service, route, mode, state: now });
      },
    });
    this.#all.push({ route, label, circuit });
    return [circuit];
  }

  /**
   * The circuit of the same calls under another policy: the one that was there goes on with what it has counted.
   * @param before as `open` or `renew` returned it
   */
  renew(
    before: readonly Circuit[],
    policy: ResolvedCircuit | false,
    route: string | undefined,
    label: string | undefined = route,
  ): readonly Circuit[] {
    const [circuit] = before;
    if (circuit === undefined) return this.open(policy, route, label);
    if (policy === false) {
      this.close(before);
      return [];
    }
    circuit.update(policy, this.#options.clock.now());
    return before;
  }

  /** Forgets circuits that no call passes any more. */
  close(circuits: readonly Circuit[]): void {
    this.#all = this.#all.filter(({ circuit }) => !circuits.includes(circuit));
  }

  /** @throws ProxylessError `ERR_PROXYLESS_CONFIG` where the service or the route has no circuit of its own */
  control(route: string | undefined): CircuitControl {
    const { clock, service } = this.#options;
    const exact = this.#all.filter((entry) => entry.label === route);
    const named = exact.length > 0 ? exact : this.#all.filter((entry) => entry.route === route);
    const found = named.length === 1 ? named[0]!.circuit : undefined;
    if (found === undefined) {
      const routes = this.#all.map((entry) => entry.label ?? "the service itself").join(", ");
      throw configError(
        "route",
        `one that has a circuit in ${service} (${routes === "" ? "none" : routes})`,
        route,
      );
    }
    return {
      get view() {
        return found.inspect(clock.now());
      },
      setMode: (mode) => {
        found.setMode(mode, clock.now());
      },
      reset: () => {
        found.reset(clock.now());
      },
    };
  }

  export(): CircuitState["circuits"] {
    const { clock, service } = this.#options;
    const now = clock.now();
    return this.#all.map(({ circuit, label }) => ({
      service,
      ...(label === undefined ? undefined : { route: label }),
      snapshot: circuit.exportState(now),
    }));
  }
}

function keyOf(service: string, route: string | undefined): string {
  return route === undefined ? service : `${service} ${route}`;
}
