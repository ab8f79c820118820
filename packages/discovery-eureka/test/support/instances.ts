import { onTestFinished } from "vitest";

import { EurekaServer } from "../../../../test/eureka/server.ts";
import type { EurekaServerOptions } from "../../../../test/eureka/server.ts";
import type { AtEnd } from "../../../../test/support/watching.ts";

/** A server that ends with its test, which fails when a request was not as the protocol wants it. */
export async function startServer(
  options: EurekaServerOptions = {},
  atEnd: AtEnd = onTestFinished,
): Promise<EurekaServer> {
  const server = await EurekaServer.start(options);
  atEnd(() => server.stop());
  return server;
}

/** What a client writes for an instance; `more` over it. */
export function written(app: string, id: string, more: object = {}): object {
  return {
    instanceId: id,
    app: app.toUpperCase(),
    hostName: `${id}.internal`,
    ipAddr: "10.0.0.1",
    status: "UP",
    port: { $: 8080, "@enabled": "true" },
    securePort: { $: 8443, "@enabled": "false" },
    vipAddress: app.toLowerCase(),
    dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
    ...more,
  };
}

/** Asks as any other client would. */
export async function ask(
  server: Pick<EurekaServer, "url">,
  method: string,
  path: string,
  body?: object,
): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.text() };
}

/** Registers an instance as some other client would. */
export async function put(
  server: Pick<EurekaServer, "url">,
  app: string,
  id: string,
  more: object = {},
): Promise<void> {
  const { status, body } = await ask(server, "POST", `/apps/${app.toUpperCase()}`, {
    instance: written(app, id, more),
  });
  if (status !== 204) throw new Error(`${status} ${body}`);
}

/** Removes it. */
export async function drop(server: Pick<EurekaServer, "url">, app: string, id: string): Promise<number> {
  return (await ask(server, "DELETE", `/apps/${app.toUpperCase()}/${encodeURIComponent(id)}`)).status;
}
