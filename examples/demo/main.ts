import { compare } from "./comparison.ts";
import { consulRegistry } from "./consul-registry.ts";
import { Fleet } from "./fleet.ts";
import { readOptions, usage } from "./options.ts";
import type { DemoOptions } from "./options.ts";
import { embeddedRegistry } from "./registry.ts";
import type { Registry } from "./registry.ts";
import { createScreen } from "./screen.ts";
import type { Screen } from "./screen.ts";

/** What shells report for a process that Ctrl-C ended. */
const interrupted = 130;

/** Starts the instances, lets the traffic run and the faults happen, ends everything. @returns the exit code */
async function demo(options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<number> {
  const registry = await openRegistry(options, screen);
  const fleet = new Fleet(registry.consul);
  try {
    // The one that comes back later boots now: elsewhere that would happen on another machine, and here it would take
    // the processor from everything that is measured.
    const [replacement, first] = await Promise.all([
      fleet.boot("orders-2"),
      Promise.all(["orders-1", "orders-2", "orders-3"].map((name) => fleet.boot(name))),
    ]);
    for (const instance of first) {
      // eslint-disable-next-line no-await-in-loop -- in the order of their names
      await fleet.admit(instance);
      // eslint-disable-next-line no-await-in-loop -- as above
      await registry.listed(instance);
    }
    if (signal.aborted) return interrupted;
    const code = await compare(options, { registry, fleet, replacement, screen, signal });
    return signal.aborted ? interrupted : code;
  } finally {
    await fleet.stop();
    await registry.close();
  }
}

function openRegistry(options: DemoOptions, screen: Screen): Promise<Registry> | Registry {
  return options.consul
    ? consulRegistry((text) => {
        screen.say(text);
      })
    : embeddedRegistry();
}

/** Aborts when the process is told to end; a second Ctrl-C ends it at once. */
function interruption(screen: Screen): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => {
      if (!controller.signal.aborted) screen.say("ending everything…");
      controller.abort();
    });
  }
  return controller.signal;
}

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const screen = createScreen(options.json ? process.stderr : process.stdout);
  const signal = interruption(screen);
  try {
    return await demo(options, screen, signal);
  } catch (error) {
    if (signal.aborted) return interrupted;
    process.stderr.write(
      `the demo could not run: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
