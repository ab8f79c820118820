import { eureka } from "@proxyless/discovery-eureka";

import { EurekaServer } from "../../eureka/server.ts";
import type { RegistryUnderTest } from "../under-test.ts";

/** The strict server of `test/eureka`, with a source on it that asks every second. */
export async function startEurekaUnderTest(): Promise<RegistryUnderTest> {
  const server = await EurekaServer.start();
  return {
    name: "eureka",
    // A hung request is given up after 2 s, the next attempt comes within a second, and so does the next poll.
    recoveryMs: 5000,
    host: "127.0.0.1",
    port: server.port,
    source: (host, port) =>
      eureka({ url: `http://${host}:${port}/eureka`, intervalMs: 1000, requestTimeoutMs: 2000 }),
    put: async (service, endpoints) => {
      const app = service.toUpperCase();
      const ids = new Set(endpoints.map(({ id }) => id));
      for (const { fields } of server.registry.list(app).get(app) ?? []) {
        // eslint-disable-next-line no-await-in-loop -- a handful
        if (!ids.has(fields.instanceId)) await send(server, "DELETE", `${app}/${fields.instanceId}`);
      }
      for (const { id, host, port } of endpoints) {
        const instance = {
          instanceId: id,
          app,
          hostName: host,
          ipAddr: host,
          status: "UP",
          port: { $: port, "@enabled": "true" },
          vipAddress: service,
          dataCenterInfo: {
            "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
            name: "MyOwn",
          },
        };
        // eslint-disable-next-line no-await-in-loop -- as above
        await send(server, "POST", app, { instance });
      }
    },
    swap: async (service, gone, { id, host, port }) => {
      server.put(service, id, host, port);
      await send(server, "DELETE", `${service.toUpperCase()}/${gone.id}`);
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
    // What belongs to another protocol of the same age.
    garbage: Buffer.from(
      "HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: 15\r\n\r\n<applications/>",
    ),
    stop: () => server.stop(),
  };
}

async function send(server: EurekaServer, method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(`${server.url}/apps/${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}
