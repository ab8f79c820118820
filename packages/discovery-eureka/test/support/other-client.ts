import { promisify } from "node:util";

import { Eureka } from "eureka-js-client";
import type { Logger } from "eureka-js-client";

import type { AtEnd } from "../../../../test/support/watching.ts";

/** What an eureka-js-client of its own registers. */
export interface OtherInstance {
  readonly app: string;
  readonly id: string;
  readonly port: number;
}

/** A client that others wrote, on a server; it ends with the test. */
export interface OtherClient {
  readonly client: Eureka;
  /** Reads the registry again. */
  fetch(): Promise<void>;
  stop(): Promise<void>;
}

const silent: Logger = {
  level: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Starts an eureka-js-client: it registers `instance`, beats every second and reads the registry. */
export async function startOther(url: string, atEnd: AtEnd, instance?: OtherInstance): Promise<OtherClient> {
  const { hostname: host, port, pathname } = new URL(url);
  const client = new Eureka({
    logger: silent,
    eureka: {
      host,
      port: Number(port),
      servicePath: `${pathname}/apps/`,
      heartbeatInterval: 1000,
      registryFetchInterval: 3_600_000,
      registerWithEureka: instance !== undefined,
      fetchRegistry: true,
      filterUpInstances: false,
      maxRetries: 0,
    },
    instance: {
      ...(instance === undefined
        ? {}
        : {
            instanceId: instance.id,
            // A server takes only what is in upper case.
            app: instance.app.toUpperCase(),
            hostName: "localhost",
            ipAddr: "127.0.0.1",
            port: { $: instance.port, "@enabled": "true" },
            vipAddress: instance.app,
          }),
      dataCenterInfo: {
        "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
        name: "MyOwn",
      },
    },
  });
  await promisify<void>((done) => {
    client.start((error) => {
      done(error ?? null);
    });
  })();
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await promisify<void>((done) => {
      client.stop((error) => {
        done(error ?? null);
      });
    })().catch(() => undefined);
  };
  atEnd(stop);
  return {
    client,
    fetch: () =>
      promisify<void>((done) => {
        client.fetchRegistry((error) => {
          done(error ?? null);
        });
      })(),
    stop,
  };
}
