import { parseArgs } from "node:util";

import { findBinary, installServer, recipeOf, recipes, startConsul, startConsulCluster } from "./index.ts";

const usage = `pnpm servers <command>

  list                          the servers, their versions, and what this machine has
  install <server>              put a server into the cache folder, without root
  where <server>                print the path of its binary
  start <server> [--cluster N]  install if need be, start on free loopback ports, run until Ctrl-C

The environment: PROXYLESS_SERVERS_DIR (the cache folder), PROXYLESS_CONSUL_BIN (a binary to use instead).`;

/** Starts what the command line asks for, tells where it listens, and ends it when this process is told to end. */
async function start(name: string, cluster: number | undefined): Promise<void> {
  if (name !== "consul") throw new Error(`${name} cannot be started from here yet`);
  const ended = new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, resolve);
  });
  const alive = setInterval(() => undefined, 60_000);
  const single = cluster === undefined ? await startConsul() : undefined;
  const servers = cluster === undefined ? undefined : await startConsulCluster(cluster);
  for (const agent of servers?.agents ?? [single]) {
    if (agent !== undefined) console.log(`consul ${agent.version} ${agent.url}`);
  }
  await ended;
  await Promise.all([single?.stop(), servers?.stop()]);
  clearInterval(alive);
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { cluster: { type: "string" } },
  });
  const [command, name] = positionals;
  if (command === "list") {
    for (const recipe of recipes) {
      const found = findBinary(recipe);
      console.log(
        `${recipe.name} ${recipe.version}  ${found === undefined ? "not installed" : `${found.path} (${found.from})`}`,
      );
    }
  } else if (command === "install" && name !== undefined) {
    console.log(await installServer(name));
  } else if (command === "where" && name !== undefined) {
    const found = findBinary(recipeOf(name));
    if (found === undefined) throw new Error(`${name} is not installed; run: pnpm servers install ${name}`);
    console.log(found.path);
  } else if (command === "start" && name !== undefined) {
    const size = values.cluster === undefined ? undefined : Number(values.cluster);
    if (size !== undefined && !(Number.isInteger(size) && size >= 1 && size <= 9)) {
      throw new Error(`--cluster must be a whole number from 1 to 9, got ${values.cluster}`);
    }
    await start(name, size);
  } else {
    console.error(usage);
    process.exitCode = 2;
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
