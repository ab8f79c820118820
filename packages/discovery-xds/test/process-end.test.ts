import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it, onTestFinished } from "vitest";

import { ManagementServer } from "./support/management-server.ts";

const run = promisify(execFile);
const source = join(import.meta.dirname, "../src/index.ts");
const core = join(import.meta.dirname, "../../core/src/index.ts");

describe("a process that forgets to end its watch", { timeout: 30_000 }, () => {
  it.each(["while its stream is open", "while it backs off"])("ends all the same, %s", async (when) => {
    const server = await ManagementServer.start();
    server.putService("web", [{ host: "10.0.0.1", port: 80 }]);
    const isUp = when.includes("open");
    if (isUp) onTestFinished(() => server.stop());
    else server.stop();
    const code = `
      const { xds } = await import(${JSON.stringify(source)});
      const { systemClock: clock, systemRandom: random } = await import(${JSON.stringify(core)});
      // As somebody who has something to do until the first news is there.
      const busy = setTimeout(() => undefined, 10_000);
      const say = (what) => () => {
        console.log(what);
        clearTimeout(busy);
      };
      const bootstrap = {
        xds_servers: [{ server_uri: ${JSON.stringify(server.address)}, channel_creds: [{ type: "insecure" }] }],
        node: { id: "n" },
      };
      xds({ bootstrap }).watch(
        { service: "web" },
        { snapshot: say("snapshot"), alive: say("alive"), error: say("error") },
        { signal: new AbortController().signal, clock, random },
      );`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { timeout: 15_000 });
    expect(stdout).toMatch(isUp ? /^snapshot\n$/ : /^error\n/);
  });
});
