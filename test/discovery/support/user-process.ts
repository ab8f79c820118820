import { setTimeout as wait } from "node:timers/promises";

import { createMesh } from "@proxyless/core";

import { registries } from "../registries/index.ts";
import { WatchedClock } from "../watched-clock.ts";
import { holdings } from "./holdings.ts";
import type { Holdings } from "./holdings.ts";

const patienceMs = 10_000;

// A process that uses a registry and has nothing else to do: node user-process.ts REGISTRY closes|forgets. It says what it
// holds before, while and after it does.
const [name = "", manner] = process.argv.slice(2);
const registry = await registries[name]?.start();
if (registry === undefined) throw new Error(`there is no registry ${name}`);
await registry.put("web", [{ id: "a", host: "127.0.0.1", port: 1 }]);

const before = await holdings();
const clock = new WatchedClock();
const mesh = createMesh({ discovery: registry.source(registry.host, registry.port), clock });
await mesh.ready("web");
// What is held when trouble comes is to be let go of too.
if (registry.kill === undefined) {
  await registry.restartEmpty?.();
} else {
  await registry.kill();
  await wait(500);
  await registry.restart?.();
}
await registry.put("web", [{ id: "b", host: "127.0.0.1", port: 2 }]);
await until(() => JSON.stringify(mesh.inspect().discovery).includes("127.0.0.1:2"));
// Whoever asks it now has to wait.
await registry.pause?.();
let during = before;
if (manner === "closes") {
  await until(async () => holdsMore((during = await holdings())));
  await mesh.close();
}
const after = await holdings();
const timers = clock.pending;
registry.resume?.();
await registry.stop();
process.stdout.write(JSON.stringify({ before, during, after, timers }));

function holdsMore({ fileWatches, udpSockets }: Holdings): boolean {
  return fileWatches > before.fileWatches || udpSockets > before.udpSockets;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${name}: it did not come so far`);
    await wait(10);
  }
}
