import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

const main = resolve(import.meta.dirname, "../../scripts/sim/main.ts");

interface Ending {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function sim(args: readonly string[], cwd?: string): Promise<Ending> {
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { cwd, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

function lastLine(text: string): unknown {
  return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
}

describe("pnpm sim", () => {
  it("explains itself with --help", async () => {
    const { code, stdout } = await sim(["--help"]);
    expect(code).toBe(0);
    for (const flag of ["--policy", "--seed", "--json", "--plot", "--list"]) expect(stdout).toContain(flag);
  });

  it("lists every scenario that has to be there, and the policies", async () => {
    const { code, stdout } = await sim(["--list"]);
    expect(code).toBe(0);
    const scenarios =
      "linkerd-2016 cold-start slow-endpoint temporary-failure permanent-failure fast-failing background-errors " +
      "flaky-30 grey-latency rolling-deploy subsetting zone-outage capacity dead-dependency dead-dependency-3-layers " +
      "errors-5 errors-10 backoff-contention fan-out-100 global-slowdown overload-ramp flapping paused-process";
    const policies =
      "round-robin random least-request peak-ewma default default+ejection default+hedge default+retry all-defaults";
    for (const name of `${scenarios} ${policies}`.split(" ")) {
      expect(stdout).toMatch(new RegExp(`^  ${name.replace("+", "\\+")} `, "m"));
    }
  });

  it.each([
    [["linkerd-2017"], 'there is no scenario "linkerd-2017"; there are '],
    [["--policy", "luck"], 'there is no policy "luck"; there are round-robin'],
    [["--seed", "many"], '--seed must be a whole number from 0 to 4294967295, got "many"'],
    [["--seed", "-1"], "--seed"],
    [["--frobnicate"], "--frobnicate"],
  ])("refuses %j with exit code 2", async (args, message) => {
    const { code, stderr, stdout } = await sim(args);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it(
    "prints the same last line for the same seed, and another for another",
    { timeout: 30_000 },
    async () => {
      const args = ["fast-failing", "--policy", "random,default", "--json", "--seed"];
      const [one, again, other] = await Promise.all([
        sim([...args, "7"]),
        sim([...args, "7"]),
        sim([...args, "8"]),
      ]);
      expect(one.code).toBe(0);
      const figure: unknown = expect.any(Number);
      const figures = {
        calls: figure,
        okRatio: figure,
        p50Ms: figure,
        p99Ms: figure,
        p999Ms: figure,
        p9999Ms: figure,
        sendsPerCall: 1,
        shares: expect.objectContaining({ "b-1": figure }) as unknown,
        maxOverMean: figure,
        extra: expect.any(Object) as unknown,
      };
      expect(lastLine(one.stdout)).toStrictEqual({
        scenarios: [
          {
            name: "fast-failing",
            seed: 7,
            rows: [
              { policy: "random", ...figures },
              { policy: "default", ...figures },
            ],
          },
        ],
      });
      expect(again.stdout).toBe(one.stdout);
      expect(lastLine(other.stdout)).not.toEqual(lastLine(one.stdout));
    },
  );

  it("draws charts where it is asked to, and says where they are", { timeout: 30_000 }, async () => {
    const cwd = await mkdtemp(join(tmpdir(), "proxyless-sim-"));
    onTestFinished(() => rm(cwd, { recursive: true, force: true }));
    const { code, stdout } = await sim(["fast-failing", "--policy", "default", "--plot"], cwd);
    expect(code).toBe(0);
    const paths = [...stdout.matchAll(/\S+\.svg$/gm)].map(([path]) => path);
    expect(paths).toHaveLength(2);
    for (const path of paths) {
      expect(existsSync(resolve(cwd, path))).toBe(true);
      const drawn = readFileSync(resolve(cwd, path), "utf8");
      expect(drawn).toMatch(/^<svg [^]*<\/svg>\n$/);
      expect(drawn).not.toMatch(/NaN|undefined|Infinity/);
    }
  });
});
