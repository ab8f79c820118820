import { nacos } from "@proxyless/discovery-nacos";

import { NacosServer } from "../../nacos/server.ts";
import type { NacosServerOptions } from "../../nacos/server.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";

const account = { username: "reader", password: "reader-password" };
/** Ten seconds between two questions are more than a suite can wait for. */
const timings = { intervalMs: 1000, requestTimeoutMs: 2000 } as const;

/** The strict server of `test/nacos` with an account, and a source on it that asks every second. Its instances stay. */
export async function startNacosUnderTest(
  options: Pick<NacosServerOptions, "apis"> = {},
): Promise<RegistryUnderTest> {
  const server = await NacosServer.start({ ...options, user: `${account.username}:${account.password}` });
  const written = new Map<string, readonly WrittenEndpoint[]>();
  return {
    name: "nacos",
    ...promisedTo("nacos", timings),
    host: "127.0.0.1",
    port: server.port,
    source: (host, port) => nacos({ url: `http://${host}:${port}`, ...account, ...timings }),
    put: async (service, endpoints) => {
      const ids = new Set(endpoints.map(({ id }) => id));
      for (const { id, host, port } of written.get(service) ?? []) {
        if (!ids.has(id)) server.remove(service, host, port);
      }
      for (const { host, port } of endpoints) server.put(service, host, port);
      written.set(service, endpoints);
    },
    swap: async (service, gone, { host, port }) => {
      server.remove(service, gone.host, gone.port);
      server.put(service, host, port);
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    restartEmpty: async () => {
      await server.restartEmpty();
      written.clear();
    },
    pause: async () => {
      server.pause();
    },
    resume: () => {
      server.resume();
    },
    expireAuth: async () => {
      server.accounts.expireAll();
    },
    garbage: Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncaused"),
    stop: () => server.stop(),
  };
}
