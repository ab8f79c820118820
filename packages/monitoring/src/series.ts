/** The label that names the service. */
export const service = "server_address";

/** One label and what it has to be, in PromQL: `job="shop"`. */
export function is(label: string, value: string): string {
  return `${label}=${JSON.stringify(value)}`;
}

/** A matcher that is true for none of the values. */
export function isNone(label: string, values: readonly string[]): string {
  const quoted = values.map((value) => value.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return `${label}!~${JSON.stringify(quoted.join("|"))}`;
}

/** The series of a metric that match. */
export function selected(name: string, matchers: readonly string[] = []): string {
  return matchers.length === 0 ? name : `${name}{${matchers.join(",")}}`;
}

/** Writes queries: which series they read, and which labels they keep. */
export class Series {
  readonly #matchers: readonly string[];
  readonly #process: readonly string[];
  readonly #kept: readonly string[];

  /**
   * @param matchers of every series
   * @param kept labels that results keep besides the service
   * @param services matchers of those that are of a service
   */
  constructor(matchers: readonly string[], kept: readonly string[] = [], services: readonly string[] = []) {
    this.#process = matchers;
    this.#matchers = [...services, ...matchers];
    this.#kept = kept;
  }

  /** An instant selector. */
  of(metric: string, ...matchers: readonly string[]): string {
    return selected(metric, [...matchers, ...this.#matchers]);
  }

  /** The same of what is of no service, but of the process as a whole. */
  ofProcess(metric: string): string {
    return selected(metric, this.#process);
  }

  /** `by (…)` with the service, the labels kept by option, and `also`. */
  by(...also: readonly string[]): string {
    return `by (${[...new Set([service, ...this.#kept, ...also])].join(", ")})`;
  }

  /** `by (…)` with the process in place of the service. */
  byProcess(): string {
    return `by (${[...new Set([...this.#kept, "job", "instance"])].join(", ")})`;
  }

  /** The sum per service of the rate of a counter. */
  rate(window: string, metric: string, ...matchers: readonly string[]): string {
    return `sum ${this.by()} (rate(${this.of(metric, ...matchers)}[${window}]))`;
  }
}
