import { setTimeout as wait } from "node:timers/promises";

/** Everything that a collection leaves, on the heap of JavaScript and outside of it. */
export async function usedBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error("needs node --expose-gc");
  // What was just used is let go of in steps: caches, weak references, finalizers.
  for (let i = 0; i < 4; i++) {
    await globalThis.gc({ type: "major", execution: "async" });
    await wait(50);
  }
  const { external, heapUsed } = process.memoryUsage();
  return heapUsed + external;
}
