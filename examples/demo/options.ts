import { parseArgs } from "node:util";

export const usage = `pnpm demo [options]

Three instances of a small HTTP service under steady traffic. One is killed, one turns 10x slow, one comes back
elsewhere. The same calls go through proxyless and, beside it, through plain round-robin fetch.

  --consul      find the instances through a real Consul agent, which is installed and started without root
  --seconds N   how long the traffic runs, 8 to 600 (default 20)
  --rate N      calls per second through each of the two, 10 to 1000 (default 200)
  --dashboard   serve the live page of the mesh while the traffic runs, and print its address
  --metrics     serve the metrics of the mesh for Prometheus while the traffic runs, and print their address
  --json        print the summary as one JSON line, last on stdout; everything else goes to stderr
  --help        print this

Ends with 0 when no call through proxyless failed, with 1 otherwise, with 2 for a wrong option.`;

export interface DemoOptions {
  readonly consul: boolean;
  readonly dashboard: boolean;
  readonly metrics: boolean;
  readonly json: boolean;
  readonly help: boolean;
  readonly seconds: number;
  /** Calls per second, through each side. */
  readonly rate: number;
}

/** Reads the command line; throws an `Error` with a message for people when it makes no sense. */
export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      consul: { type: "boolean", default: false },
      dashboard: { type: "boolean", default: false },
      metrics: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      seconds: { type: "string", default: "20" },
      rate: { type: "string", default: "200" },
    },
  });
  return {
    consul: values.consul,
    dashboard: values.dashboard,
    metrics: values.metrics,
    json: values.json,
    help: values.help,
    seconds: numberIn("--seconds", values.seconds, 8, 600),
    rate: numberIn("--rate", values.rate, 10, 1000),
  };
}

function numberIn(flag: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= min && value <= max) return value;
  throw new Error(`${flag} must be a number from ${min} to ${max}, got ${JSON.stringify(text)}`);
}
