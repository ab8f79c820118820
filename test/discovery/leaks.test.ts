import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, it } from "vitest";

import type { Holdings } from "./support/holdings.ts";

const run = promisify(execFile);
const program = join(import.meta.dirname, "support/user-process.ts");

interface Said {
  readonly before: Holdings;
  readonly during: Holdings;
  readonly after: Holdings;
  readonly timers: number;
}

/** Starts it, and waits until it ends, as it must by itself. */
async function said(registry: string, manner: "closes" | "forgets"): Promise<Said> {
  const { stdout } = await run(process.execPath, [program, registry, manner], { timeout: 60_000 });
  const what: Said = JSON.parse(stdout);
  return what;
}

// Each in a process of its own, so that whatever is held there is held by one source.
describe.concurrent("a process that finds services", { timeout: 90_000 }, () => {
  // What goes over TCP is counted by the fault proxies of `chaos.test.ts`.
  it.for([
    { registry: "dns", kind: "udpSockets" },
    { registry: "file", kind: "fileWatches" },
  ] as const)(
    "with $registry holds no $kind any more once its mesh is closed, and ends",
    async ({ kind, registry }, { expect }) => {
      const { after, before, during, timers } = await said(registry, "closes");
      // Otherwise there would have been nothing to let go of.
      expect(during[kind]).toBeGreaterThan(before[kind]);
      expect(after).toEqual(before);
      expect(timers).toBe(0);
    },
  );

  // The packages of the others have tests of their own for that.
  it.for(["dns", "eureka", "file", "nacos"])(
    "with %s ends although its mesh is not closed",
    async (registry, { expect }) => {
      const { timers } = await said(registry, "forgets");
      expect(timers).toBeGreaterThan(0);
    },
  );
});
