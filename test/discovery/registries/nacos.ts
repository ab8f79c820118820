import { nacos } from "@proxyless/discovery-nacos";

import { NacosServer } from "../../nacos/server.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";

const account = { username: "reader", password: "reader-password" };

/** The strict server of `test/nacos` with an account, and a source on it that asks every second. Its instances stay. */
export async function startNacosUnderTest(): Promise<RegistryUnderTest> {
  const server = await NacosServer.start({ user: `${account.username}:${account.password}` });
  const written = new Map<string, readonly WrittenEndpoint[]>();
  return {
    name: "nacos",
    // A hung request is given up after 2 s, the next attempt comes within a second, and so does the next poll; a login may
    // come before any of them.
    recoveryMs: 7000,
    host: "127.0.0.1",
    port: server.port,
    source: (host, port) =>
      nacos({ url: `http://${host}:${port}`, ...account, intervalMs: 1000, requestTimeoutMs: 2000 }),
    put: async (service, endpoints) => {
      const ids = new Set(endpoints.map(({ id }) => id));
      const gone = (written.get(service) ?? []).filter(({ id }) => !ids.has(id));
      for (const endpoint of gone) {
        // eslint-disable-next-line no-await-in-loop -- a handful
        await send(server, "DELETE", service, endpoint);
      }
      for (const endpoint of endpoints) {
        // eslint-disable-next-line no-await-in-loop -- as above
        await send(server, "POST", service, endpoint);
      }
      written.set(service, endpoints);
    },
    swap: async (service, gone, { host, port }) => {
      server.put(service, host, port);
      await send(server, "DELETE", service, gone);
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

async function send(
  server: NacosServer,
  method: "POST" | "DELETE",
  service: string,
  { host, port }: WrittenEndpoint,
): Promise<void> {
  const query = new URLSearchParams({
    ...account,
    serviceName: service,
    ip: host,
    port: String(port),
    ephemeral: "false",
  }).toString();
  const response = await fetch(`${server.url}/nacos/v3/client/ns/instance?${query}`, { method });
  if (!response.ok) throw new Error(`${method} ${service}: ${response.status} ${await response.text()}`);
}
