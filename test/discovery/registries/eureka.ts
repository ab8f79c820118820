import { setTimeout as wait } from "node:timers/promises";

import { eureka } from "@proxyless/discovery-eureka";
import type { EurekaOptions } from "@proxyless/discovery-eureka";

import { EurekaServer } from "../../eureka/server.ts";
import type { EurekaServerOptions } from "../../eureka/server.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest } from "../under-test.ts";

const account = { user: "reader", password: "reader-password" };
/** How long the reader is refused, in milliseconds: longer than the source waits between two questions. */
const refusedMs = 1500;
/** Half a minute between two questions is more than a suite can wait for. */
const timings = { intervalMs: 1000, requestTimeoutMs: 2000 } as const;

/** The strict server of `test/eureka` behind a password, with a source on it that asks every second. */
export async function startEurekaUnderTest(
  options: Pick<EurekaOptions, "deltaAbove"> = {},
  serverOptions: EurekaServerOptions = {},
): Promise<RegistryUnderTest> {
  const server = await EurekaServer.start({ ...serverOptions, user: `${account.user}:${account.password}` });
  return {
    name: "eureka",
    ...promisedTo("eureka", timings),
    host: "127.0.0.1",
    port: server.port,
    source: (host, port) =>
      eureka({
        url: `http://${host}:${port}/eureka`,
        ...account,
        ...timings,
        ...options,
      }),
    put: async (service, endpoints) => {
      const app = service.toUpperCase();
      const ids = new Set(endpoints.map(({ id }) => id));
      for (const { fields } of server.registry.list(app).get(app) ?? []) {
        if (!ids.has(fields.instanceId)) server.registry.cancel(app, fields.instanceId);
      }
      for (const { id, host, port } of endpoints) server.put(service, id, host, port);
    },
    swap: async (service, gone, { id, host, port }) => {
      server.registry.cancel(service.toUpperCase(), gone.id);
      server.put(service, id, host, port);
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    restartEmpty: () => server.restartEmpty(),
    pause: async () => {
      server.pause();
    },
    resume: () => {
      server.resume();
    },
    // Nothing renews a password: whoever keeps the accounts has lost sight of this one for a while.
    expireAuth: async () => {
      let refused = 0;
      server.script = (_, response) => {
        refused++;
        response.writeHead(401).end();
      };
      await wait(refusedMs);
      server.script = undefined;
      if (refused === 0) throw new Error("nobody has asked meanwhile");
    },
    // What belongs to another protocol of the same age.
    garbage: Buffer.from(
      "HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: 15\r\n\r\n<applications/>",
    ),
    stop: () => server.stop(),
  };
}
