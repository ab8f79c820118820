import { createMesh } from "@proxyless/core";
import { expect, it, onTestFinished } from "vitest";

import { until } from "../../scripts/servers/index.ts";
import { startConsulRegistry } from "../discovery/registries/consul.ts";
import { instance } from "./traffic.ts";

it("a Consul that is restarted, wiped, frozen or whose token is replaced is followed again", async () => {
  const registry = await startConsulRegistry();
  onTestFinished(() => registry.stop());
  const source = registry.source(registry.host, registry.port);
  const mesh = createMesh({ discovery: source, directory: { emptyHoldMs: 0 } });
  onTestFinished(() => mesh.close());
  const [first, second] = [await instance(), await instance()];
  const follows = async (what: string, port: number): Promise<void> => {
    await registry.put("web", [{ id: `web-${port}`, host: "127.0.0.1", port }]);
    await until(what, registry.recoveryMs, async () => {
      const response = await mesh.fetch("http://web/").catch(() => undefined);
      return (await response?.text()) === String(port) ? true : undefined;
    });
  };
  await follows("the first list", first);
  await registry.kill?.();
  await registry.restart?.();
  await follows("a change after a crash", second);
  await registry.restartEmpty?.();
  await follows("a change after a loss of all data", first);
  await registry.pause?.();
  registry.resume?.();
  await registry.expireAuth?.();
  await follows("a change after the token was replaced", second);
  expect(mesh.inspect().discovery[0]?.service).toBe("web");
}, 120_000);
