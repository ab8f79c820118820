import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { expect, it, onTestFinished } from "vitest";

import { installServer } from "../../scripts/servers/index.ts";

const run = promisify(execFile);
const tool = join(import.meta.dirname, "../../scripts/servers/main.ts");

it(
  "is started guarded from the command line, which says what etcdctl needs",
  { timeout: 120_000 },
  async () => {
    const etcdctl = join(dirname(await installServer("etcd-3.5")), "etcdctl");
    const server = spawn(process.execPath, [tool, "start", "etcd-3.5", "--tls", "--auth"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(server, "exit");
    onTestFinished(async () => {
      server.kill("SIGINT");
      await ended;
    });
    const [line] = await once(server.stdout, "data");
    const [, url = "", certificates = "", user = ""] =
      /(https:\S+) (--cacert \S+ --cert \S+ --key \S+) (--user \S+:\S+)/.exec(String(line)) ?? [];
    const ask = async (...access: readonly string[]): Promise<string> => {
      const args = ["--endpoints", url, ...access.flatMap((flags) => flags.split(" ")), "get", "key"];
      return (await run(etcdctl, [...args, "--command-timeout=5s"])).stdout;
    };

    expect(await ask(certificates, user)).toBe("");
    await expect(ask(certificates)).rejects.toMatchObject({
      stderr: expect.stringContaining("permission denied"),
    });
    await expect(ask(certificates.slice(0, certificates.indexOf(" --cert")), user)).rejects.toMatchObject({
      stderr: expect.stringMatching(/certificate|context deadline exceeded/),
    });
  },
);

it("is not started with a flag that it does not take", async () => {
  const made = run(process.execPath, [tool, "start", "powerdns", "--tls"]);
  await expect(made).rejects.toMatchObject({
    stderr: expect.stringContaining("powerdns cannot be started with --tls"),
  });
});
