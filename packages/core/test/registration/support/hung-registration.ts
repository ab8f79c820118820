import { once } from "node:events";
import { createServer } from "node:http";

import { createMesh, memorySource, systemClock } from "../../../src/index.ts";
import { createRegistrar, RegistryHttp, resolveInstance, resolveUrls } from "../../../src/registry/index.ts";
import type { Registrar, ServiceInstance } from "../../../src/registry/index.ts";

/** What the program is told, as JSON in its first argument. */
export interface HungOrders {
  /** Of the registry. */
  readonly url: string;
}

/** Registers over HTTP, with a request that may take ten minutes. */
function httpRegistrar(url: string): Registrar {
  return createRegistrar({
    name: "http",
    propagationMs: 60_000,
    resolve: (given: ServiceInstance) => resolveInstance(given),
    driver: () => {
      const http = new RegistryHttp({ urls: resolveUrls(url), watchConnections: 1, maxBodyBytes: 1000 });
      const send = async (method: "PUT" | "DELETE", deadlineMs: number, end: AbortSignal): Promise<void> => {
        await http.send({ method, path: "/instance", deadlineMs, lane: "quick" }, systemClock, end);
      };
      return {
        periodMs: 10_000,
        patienceMs: 30_000,
        apply: (_, end) => send("PUT", 600_000, end),
        drain: () => Promise.reject(new Error("nobody was told that it is there")),
        remove: (_, end) => send("DELETE", 1000, end),
        close: () => http.close(),
      };
    },
  });
}

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const { url }: HungOrders = JSON.parse(process.argv[2] ?? "");
const mesh = createMesh({ discovery: memorySource({}), registrar: httpRegistrar(url) });
await mesh.register({
  service: "web",
  host: "127.0.0.1",
  port: 80,
  startTimeoutMs: 600_000,
  drain: () => {
    server.close();
    process.stdout.write("drained\n");
  },
  signals: ["SIGTERM"],
  exit: true,
});
