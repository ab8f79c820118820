import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it, onTestFinished } from "vitest";

import { ApiServer } from "./api-server.ts";
import { pods, sliceJson } from "./slices.ts";

const run = promisify(execFile);
const packages = join(import.meta.dirname, "../../packages");
const adapter = JSON.stringify(join(packages, "discovery-kubernetes/src/index.ts"));
const core = JSON.stringify(join(packages, "core/src/index.ts"));

describe("a process that forgets to end its watch", { timeout: 30_000 }, () => {
  it.each([
    { name: "while it waits for a change", isDown: false },
    { name: "while it backs off", isDown: true },
  ])("ends all the same, $name", async ({ isDown }) => {
    const server = await serve(false);
    if (isDown) {
      server.script = (_, response) => {
        response.writeHead(500).end();
        return true;
      };
    }
    const stdout = await outputOf(`
      const { kubernetes } = await import(${adapter});
      const { systemClock: clock, systemRandom: random } = await import(${core});
      const say = (what) => () => console.log(what);
      kubernetes({ url: ${JSON.stringify(server.url)}, watchList: "never" }).watch(
        { service: "web" },
        { snapshot: say("snapshot"), alive: say("alive"), error: say("error") },
        { signal: new AbortController().signal, clock, random },
      );`);
    expect(stdout).toMatch(isDown ? /^error\n/ : /^snapshot\n$/);
  });

  it("ends all the same, with a mesh that is not closed and a streamed list", async () => {
    const server = await serve(true);
    const stdout = await outputOf(`
      const { kubernetes } = await import(${adapter});
      const { createMesh } = await import(${core});
      const mesh = createMesh({ discovery: kubernetes({ url: ${JSON.stringify(server.url)} }) });
      await mesh.ready("web");
      console.log(mesh.inspect().services[0].endpoints.length);`);
    expect(stdout).toBe("2\n");
  });
});

async function serve(streamsLists: boolean): Promise<ApiServer> {
  const server = await ApiServer.start({ streamsLists });
  onTestFinished(() => server.stop());
  server.put(sliceJson({ name: "web-1", service: "web", pods: pods(2) }));
  return server;
}

async function outputOf(code: string): Promise<string> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { timeout: 10_000 });
  return stdout;
}
