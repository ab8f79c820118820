import type { Watching } from "@proxyless/core/testing";
import { onTestFinished } from "vitest";

import { watching } from "../../../../test/support/watching.ts";
import { dns } from "../../src/index.ts";
import type { DnsOptions } from "../../src/index.ts";
import { addresses, FakeDns } from "./fake-dns.ts";
import type { Script, Scripted } from "./fake-dns.ts";

/** The name of the service `orders`. */
export const name = "orders.test";

/** Looks as often as it may. */
export const quick = {
  name: "{service}.test",
  port: 80,
  minRefreshMs: 50,
  maxRefreshMs: 50,
  timeoutMs: 200,
} as const;

/** The name does not exist. */
export const nobody: Scripted = { code: 3, negativeTtl: 1 };

/** The name exists, without such records. */
export const empty: Scripted = { negativeTtl: 1 };

/** A server that ends with the test. */
export async function server(script: Script): Promise<FakeDns> {
  const fake = await FakeDns.start(script);
  onTestFinished(() => {
    fake.close();
  });
  return fake;
}

/** Watches `orders` by its addresses until the test is over. */
export function watch(fake: FakeDns, options: DnsOptions = {}): Watching {
  return watching(dns({ servers: fake.address, ...quick, ...options }), "orders");
}

/** As {@link watch}, with the port that SRV records say. */
export function watchSrv(fake: FakeDns, options: DnsOptions = {}): Watching {
  const { port: _, ...rest } = quick;
  return watching(
    dns({ servers: fake.address, ...rest, name: "_http._tcp.{service}.test", ...options }),
    "orders",
  );
}

/** Answers A and AAAA of the service's name. */
export function hosts(list: readonly string[], more: Scripted = {}): Script {
  return ({ type, name: asked }) => {
    const own = addresses(name, list).filter((each) => each.type === type);
    return asked === name && own.length > 0 ? { answers: own, ...more } : empty;
  };
}
