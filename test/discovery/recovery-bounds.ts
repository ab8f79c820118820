import { readFileSync } from "node:fs";
import { join } from "node:path";

const docs = join(import.meta.dirname, "../../docs");
const heading = "\n## How long after a fault\n";

/** Values of an adapter's options, by name. */
export type OptionValues = Readonly<Record<string, number>>;

/** What `docs/discovery.md` promises of one adapter, as formulas over its options. */
export interface Promised {
  /** `@proxyless/discovery-…` without that. */
  readonly adapter: string;
  readonly recovery: string;
  readonly patience: string;
  /** The same two with the defaults of the options, as the page has them: `8 s`. */
  readonly byDefault: readonly [string, string];
}

/** Everything that the table promises. */
export function promises(): readonly Promised[] {
  const text = readFileSync(join(docs, "discovery.md"), "utf8");
  const [, after = ""] = text.split(heading);
  const [section = ""] = after.split("\n## ");
  return section.split("\n").flatMap((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, link = "", recovery = "", recoveryByDefault = "", patience = "", patienceByDefault = ""] = cells;
    const adapter = /\(discovery-(\w+)\.md\)$/.exec(link)?.[1];
    return adapter === undefined
      ? []
      : [{ adapter, recovery, patience, byDefault: [recoveryByDefault, patienceByDefault] as const }];
  });
}

/**
 * What the suites hold an adapter to: what its users are promised, and not a millisecond more.
 * @param usual options of the source under test that differ from their defaults
 * @param impatience those that differ as well where it is impatient
 */
export function promisedTo(
  adapter: string,
  usual: OptionValues = {},
  impatience: OptionValues = {},
): { readonly recoveryMs: number; readonly patienceMs: number } {
  const promised = promises().find((each) => each.adapter === adapter);
  if (promised === undefined) throw new Error(`docs/discovery.md promises nothing of ${adapter}`);
  const options = { ...defaultsOf(adapter), ...usual };
  return {
    recoveryMs: milliseconds(promised.recovery, options),
    patienceMs: milliseconds(promised.patience, { ...options, ...impatience }),
  };
}

/** The defaults that an adapter's page has in its tables of options, as far as they are numbers. */
export function defaultsOf(adapter: string): OptionValues {
  const text = readFileSync(join(docs, `discovery-${adapter}.md`), "utf8");
  const rows = text.matchAll(/^\| `(\w+)` +\| ([\d,]+) +\|/gm);
  return Object.fromEntries([...rows].map(([, name = "", value = ""]) => [name, count(value)]));
}

/**
 * The value of a sum such as "2 × `requestTimeoutMs` + 5 s"; a dash is nothing.
 * @throws Error for anything else, and for an option without a value
 */
export function milliseconds(formula: string, options: OptionValues): number {
  if (formula === "-") return 0;
  const terms = formula.split(" + ").map((term) => {
    const factors = term.split(" × ").map((factor) => factorOf(factor, options));
    return factors.reduce((product, factor) => product * factor, 1);
  });
  return Math.round(terms.reduce((sum, term) => sum + term, 0));
}

function factorOf(text: string, options: OptionValues): number {
  const { option, above, below, seconds } =
    /^(?:`(?<option>\w+)`|(?<seconds>[\d.,]+) s|(?<above>[\d.]+)(?:\/(?<below>\d+))?)$/.exec(text)?.groups ??
    {};
  const value = option === undefined ? undefined : options[option];
  if (value !== undefined) return value;
  if (seconds !== undefined) return count(seconds) * 1000;
  if (above !== undefined) return Number(above) / Number(below ?? 1);
  throw new Error(`what does "${text}" mean?`);
}

function count(text: string): number {
  return Number(text.replaceAll(",", ""));
}
