import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { installServer, startConsul, until } from "../../scripts/servers/index.ts";
import { withLock } from "../../scripts/servers/lock.ts";

const run = promisify(execFile);
const tool = join(import.meta.dirname, "../../scripts/servers/main.ts");
let binary: string;

beforeAll(async () => {
  binary = await installServer("consul");
}, 120_000);

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "proxyless-servers-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("pnpm servers", { timeout: 30_000 }, () => {
  it("says where a server is, and takes the environment's word before its own", async () => {
    const { stdout } = await run(process.execPath, [tool, "where", "consul"], {
      env: { ...process.env, PROXYLESS_CONSUL_BIN: process.execPath },
    });
    expect(stdout.trim()).toBe(process.execPath);
    await access(binary);
  });

  it("fails with a clear error when what the environment names is no program", async () => {
    const made = run(process.execPath, [tool, "where", "consul"], {
      env: { ...process.env, PROXYLESS_CONSUL_BIN: "/nowhere/consul" },
    });
    await expect(made).rejects.toMatchObject({
      stderr: expect.stringContaining("PROXYLESS_CONSUL_BIN is /nowhere"),
    });
  });

  it("fails, and does not pass silently, when a server cannot be had", async () => {
    const empty = await folder();
    const made = run(process.execPath, [tool, "install", "consul"], {
      env: { PATH: empty, HOME: empty },
    });
    await expect(made).rejects.toMatchObject({
      stderr: expect.stringMatching(/no working apt-get here; set PROXYLESS_CONSUL_BIN/),
    });
  });

  it("ends its servers when it is told to end, and when it is killed", async () => {
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const child = spawn(process.execPath, [tool, "start", "consul"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      // eslint-disable-next-line no-await-in-loop -- one after the other
      const [line] = await once(child.stdout, "data");
      const [url] = /http:\S+/.exec(String(line)) ?? [];
      if (url === undefined) throw new Error(`no address in: ${String(line)}`);
      const ended = once(child, "exit");
      child.kill(signal);
      // eslint-disable-next-line no-await-in-loop -- as above
      await until(`no answer from ${url}`, 10_000, async () =>
        fetch(url).then(
          () => undefined,
          () => true,
        ),
      );
      // eslint-disable-next-line no-await-in-loop -- as above
      expect(await ended).toEqual(signal === "SIGINT" ? [0, null] : [null, "SIGKILL"]);
    }
  }, 60_000);
});

describe("a server that tests start", { timeout: 30_000 }, () => {
  it("keeps its address through a crash and a restart, and leaves nothing behind", async () => {
    const agent = await startConsul();
    const { url, pid } = agent;
    await agent.kill();
    expect(agent.isRunning).toBe(false);
    await agent.restart();
    expect(agent.url).toBe(url);
    expect(agent.pid).not.toBe(pid);
    expect((await agent.request("GET", "/v1/status/leader")).status).toBe(200);
    const last = agent.pid ?? 0;
    await agent.stop();
    expect(isAlive(last)).toBe(false);
  }, 60_000);
});

describe("the lock of an install", { timeout: 30_000 }, () => {
  it("lets one in at a time", async () => {
    const path = join(await folder(), "lock");
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise(setImmediate);
      inside--;
    };
    await Promise.all([withLock(path, work), withLock(path, work), withLock(path, work)]);
    expect(most).toBe(1);
    await expect(access(path)).rejects.toThrow("ENOENT");
  });

  it("takes over from an owner that died", async () => {
    const path = join(await folder(), "lock");
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    await writeFile(path, String(child.pid));
    expect(await withLock(path, async () => "in")).toBe("in");
  });
});
