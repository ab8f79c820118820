import { onTestFinished } from "vitest";

import type { StoredInstance } from "../../../../test/nacos/instance-store.ts";
import { NacosServer } from "../../../../test/nacos/server.ts";
import type { NacosServerOptions } from "../../../../test/nacos/server.ts";
import type { AtEnd } from "../../../../test/support/watching.ts";

/** A server that ends with its test, which fails when a request was not as the protocol wants it. */
export async function startServer(
  options: NacosServerOptions = {},
  atEnd: AtEnd = onTestFinished,
): Promise<NacosServer> {
  const server = await NacosServer.start(options);
  atEnd(() => server.stop());
  return server;
}

/** An instance that nobody has to keep alive. */
export function stored(service: string, port: number, more: Partial<StoredInstance> = {}): StoredInstance {
  return {
    namespace: "public",
    group: "DEFAULT_GROUP",
    service,
    ip: "10.0.0.1",
    port,
    cluster: "DEFAULT",
    weight: 1,
    healthy: true,
    enabled: true,
    ephemeral: false,
    metadata: {},
    beatAt: 0,
    ...more,
  };
}
