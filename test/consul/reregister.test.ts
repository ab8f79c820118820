import { execFile } from "node:child_process";
import { once } from "node:events";

import { consulRegistrar } from "@proxyless/discovery-consul";
import { expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import { watchConsul } from "./watch.ts";

const instance = { service: "web", id: "web-1", host: "127.0.0.1", port: 8081 };
/** Far less than the time to any later heart-beat, so that only the one that goes with the registration counts. */
const atOnceMs = 200;

/** A process that registers, then dies without a word once it is registered. */
async function registerAndCrash(url: string, ttlMs: number): Promise<void> {
  const program = `
    import { consulRegistrar } from "@proxyless/discovery-consul";
    await consulRegistrar({ url: ${JSON.stringify(url)} }).register(${JSON.stringify({ ...instance, check: { ttlMs } })});
    process.kill(process.pid, "SIGKILL");
  `;
  const child = execFile(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    cwd: import.meta.dirname,
  });
  let complaint = "";
  child.stderr?.on("data", (text) => (complaint += String(text)));
  const [, signal] = await once(child, "exit");
  if (signal !== "SIGKILL") throw new Error(`it did not get that far: ${complaint}`);
}

it("an instance that died without a word is healthy as soon as it is registered again", async () => {
  const agent = await startConsul();
  onTestFinished(() => agent.stop());
  const web = watchConsul({ url: agent.url });
  onTestFinished(() => web.stop());
  await registerAndCrash(agent.url, 3000);
  await web.untilStates(["web-1 healthy"]);
  await web.untilStates(["web-1 unhealthy"]);

  const again = await consulRegistrar({ url: agent.url }).register({ ...instance, check: { ttlMs: 60_000 } });
  onTestFinished(() => again.deregister({ propagationMs: 0 }));
  await web.untilStates(["web-1 healthy"], atOnceMs);
  expect(again.state).toBe("registered");
}, 60_000);

it("an instance that was critical before is passing for the agent when register returns", async () => {
  const agent = await startConsul();
  onTestFinished(() => agent.stop());
  const register = (): ReturnType<ReturnType<typeof consulRegistrar>["register"]> =>
    consulRegistrar({ url: agent.url }).register({ ...instance, check: { ttlMs: 60_000 } });
  const first = await register();
  onTestFinished(() => first.deregister({ propagationMs: 0 }));
  await agent.call("PUT", "/v1/agent/check/fail/service:web-1");

  const again = await register();
  onTestFinished(() => again.deregister({ propagationMs: 0 }));
  const checks = await agent.call("GET", "/v1/agent/checks");
  expect(checks).toMatchObject({ "service:web-1": { Status: "passing" } });
}, 60_000);
