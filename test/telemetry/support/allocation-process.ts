// Says as JSON how many bytes a call allocates, while nobody listens and while somebody does. To be run with --expose-gc, with so large a
// young generation that nothing is collected meanwhile, and without compilers: what these leave out of the heap differs from run to run.
import type { ServiceOptions } from "@proxyless/core";

import { openBusyMesh } from "../../../bench/busy-mesh.ts";
import type { BusyMesh } from "../../../bench/busy-mesh.ts";

const calls = 2_000;
const repetitions = 5;

/** Bytes per call: the least of some repetitions, since whatever else happens meanwhile only adds to it. */
function bytesPerCall({ call }: BusyMesh): number {
  // The first calls make what stays.
  call(calls);
  let least = Infinity;
  for (let i = 0; i < repetitions; i++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    call(calls);
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / calls);
  }
  return least;
}

type Begin = (mesh: BusyMesh["mesh"]) => () => void;

const listeners: Readonly<Record<string, Begin>> = {
  "call.completed": (mesh) => mesh.on("call.completed", () => undefined),
  "attempt.completed": (mesh) => mesh.on("attempt.completed", () => undefined),
  hooks: (mesh) => mesh.hook({ beforeCall: () => undefined }),
};

async function measured(options: ServiceOptions): Promise<Readonly<Record<string, number>>> {
  const busy = await openBusyMesh(3, options);
  const bytes: Record<string, number> = {};
  // Twice: the first time warms up what only the others use.
  for (let round = 0; round < 2; round++) {
    for (const [name, begin] of Object.entries(listeners)) {
      const end = begin(busy.mesh);
      bytes[name] = bytesPerCall(busy);
      end();
    }
    bytes["nobody"] = bytesPerCall(busy);
  }
  bytes["nobody, once more"] = bytesPerCall(busy);
  await busy.mesh.close();
  return bytes;
}

process.stdout.write(
  JSON.stringify({ plain: await measured({}), layered: await measured({ coalesce: true }) }),
);
