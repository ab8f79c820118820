import { parseArgs } from "node:util";

export const usage = `pnpm sim [scenario…] [options]

Runs the mesh in virtual time against modelled servers and compares policies. Without a scenario: all of them.

  --policy NAME   only this policy; may be given several times, or a comma-separated list
  --seed N        the seed of chance, a whole number from 0 to 4294967295 (default 1); the same seed, the same figures
  --json          print the figures as one JSON line, last on stdout
  --plot          write charts of latency over time and load per endpoint into sim-plots/
  --list          print the scenarios and the policies
  --help          print this

Ends with 0, or with 2 for a wrong option.`;

export interface SimOptions {
  readonly scenarios: readonly string[];
  /** Empty: those that each scenario has by itself. */
  readonly policies: readonly string[];
  readonly seed: number;
  readonly json: boolean;
  readonly plot: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

/** The names that the command line may use. */
export interface KnownNames {
  readonly scenarios: readonly string[];
  readonly policies: readonly string[];
}

/** Reads the command line; throws an `Error` with a message for people when it makes no sense. */
export function readOptions(args: readonly string[], known: KnownNames): SimOptions {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      policy: { type: "string", multiple: true, default: [] },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      plot: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    scenarios: namesIn("scenario", positionals, known.scenarios),
    policies: namesIn("policy", values.policy, known.policies),
    seed: seedIn(values.seed),
    json: values.json,
    plot: values.plot,
    list: values.list,
    help: values.help,
  };
}

/** Each name once, in the order given; `linkerd-2016,cold-start` counts as two. */
function namesIn(kind: string, given: readonly string[], legal: readonly string[]): readonly string[] {
  const names = given.flatMap((text) => text.split(",")).filter((name) => name !== "");
  const unknown = names.find((name) => !legal.includes(name));
  if (unknown === undefined) return [...new Set(names)];
  throw new Error(`there is no ${kind} ${JSON.stringify(unknown)}; there are ${legal.join(", ")}`);
}

function seedIn(text: string): number {
  const seed = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(seed) && seed >= 0 && seed <= 0xff_ff_ff_ff) return seed;
  throw new Error(`--seed must be a whole number from 0 to 4294967295, got ${JSON.stringify(text)}`);
}
