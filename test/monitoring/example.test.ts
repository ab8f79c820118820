import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, it, onTestFinished } from "vitest";
import { parse } from "yaml";

const main = fileURLToPath(new URL("../../examples/observability/main.ts", import.meta.url));

class Example {
  readonly #child: ReturnType<typeof spawn>;
  said = "";

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => (this.said += chunk));
    }
    onTestFinished(() => {
      this.#child.kill("SIGKILL");
    });
  }

  /** Resolves when it has said so. */
  async says(phrase: string): Promise<void> {
    // eslint-disable-next-line no-await-in-loop -- one chunk after the other
    while (!this.said.includes(phrase)) await once(this.#child.stdout!, "data");
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  /** The exit code, once its servers are gone as well: they hold its pipes. */
  async ended(): Promise<unknown> {
    const [code] = await once(this.#child, "close");
    return code;
  }
}

async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-example-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it("shows a fault, its alert and its end, and ends everything", { timeout: 180_000 }, async () => {
  const folder = await scratchFolder();
  const example = new Example("--grafana", folder);
  await example.says("firing: ProxylessCircuitOpen payments");
  await example.says("resolved: ProxylessCircuitOpen payments");

  const [, prometheusUrl = ""] = /^Prometheus +(\S+)$/m.exec(example.said) ?? [];
  const read = (path: string): Promise<string> => readFile(join(folder, path), "utf8");
  const datasources: unknown = parse(await read("datasources/proxyless.yml"));
  expect(datasources).toMatchObject({
    apiVersion: 1,
    datasources: [{ type: "prometheus", url: prometheusUrl }],
  });
  const dashboards: unknown = parse(await read("dashboards/proxyless.yml"));
  expect(dashboards).toMatchObject({ providers: [{ options: { path: join(folder, "boards") } }] });
  const board: unknown = JSON.parse(await read("boards/proxyless.dashboard.json"));
  expect(board).toMatchObject({ uid: "proxyless", title: "proxyless" });
  expect((await fetch(`${prometheusUrl}/-/ready`)).status).toBe(200);

  example.interrupt();
  expect(await example.ended()).toBe(0);
  await expect(fetch(`${prometheusUrl}/-/ready`)).rejects.toThrow("fetch failed");
});

it.each([["--rounds", "0"], ["--often"]])("explains itself when it is given %s", async (...args) => {
  const example = new Example(...args);
  expect(await example.ended()).toBe(1);
  expect(example.said).toContain("pnpm example:observability");
});
