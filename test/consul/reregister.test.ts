import { consulRegistrar } from "@proxyless/discovery-consul";
import { expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import { watched } from "./watched.ts";

it("an instance that comes back under its old name is healthy at once, not at its next heart-beat", async () => {
  const agent = await startConsul();
  onTestFinished(() => agent.stop());
  const registrar = consulRegistrar({ url: agent.url });
  const instance = { service: "web", id: "web-1", host: "127.0.0.1", port: 8081, check: { ttlMs: 60_000 } };
  const crashed = await registrar.register(instance);
  await agent.call("PUT", "/v1/agent/check/fail/service:web-1");
  const web = watched({ url: agent.url });
  onTestFinished(() => web.stop());
  await web.untilStates(["web-1 unhealthy"]);

  const again = await registrar.register(instance);
  // The next beat would come after 16 seconds at the earliest.
  await web.untilStates(["web-1 healthy"], 5_000);
  expect(again.state).toBe("registered");
  await crashed.deregister({ propagationMs: 0 });
  await again.deregister({ propagationMs: 0 });
}, 60_000);
