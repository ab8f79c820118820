import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { beforeAll, describe, expect, it } from "vitest";

type Bytes = Readonly<Record<string, number>>;

/** Bytes per call, of some thousands: the smallest object has 16, and what a busy machine makes happen beside the calls is a few. */
const noise = 8;

let measured: Readonly<Record<"layered" | "plain", Bytes>>;

beforeAll(async () => {
  const script = fileURLToPath(new URL("support/allocation-process.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    "--min-semi-space-size=256",
    "--max-semi-space-size=256",
    "--no-opt",
    "--no-maglev",
    "--no-sparkplug",
    script,
  ]);
  const told: typeof measured = JSON.parse(stdout);
  measured = told;
}, 120_000);

describe.each(["plain", "layered"] as const)("a %s call", (kind) => {
  it("allocates the same whether somebody has listened before or not", () => {
    const { nobody = NaN, "nobody, once more": again = NaN } = measured[kind];
    expect(Math.abs(nobody - again)).toBeLessThan(noise);
  });

  // What is made for a listener: an event of some twenty fields, or the objects that hooks are given.
  it.each([
    ["call.completed", 150],
    ["attempt.completed", 100],
    ["hooks", 150],
  ])("saves at least what %s needs, while nobody wants it", (listener, bytes) => {
    const { [listener]: heard = NaN, nobody = NaN } = measured[kind];
    expect(heard - nobody).toBeGreaterThan(bytes);
  });
});
