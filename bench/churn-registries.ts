import type { DiscoverySource } from "@proxyless/core";

import { consul } from "../packages/discovery-consul/src/index.ts";
import { etcd } from "../packages/discovery-etcd/src/index.ts";
import { startConsul, startEtcd } from "../scripts/servers/index.ts";
import { ConsulWriter } from "../test/discovery/registries/consul-writer.ts";
import { EtcdWriter } from "../test/discovery/registries/etcd-writer.ts";
import type { WrittenEndpoint } from "../test/discovery/under-test.ts";

/** A registry's real server, and who writes into it. */
export interface ChurnServer {
  readonly url: string;
  readonly writer: {
    put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void>;
    swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void>;
  };
  stop(): Promise<void>;
}

/** A registry whose changes are followed: its server and who writes are not in the process that is measured. */
export interface ChurnRegistry {
  start(): Promise<ChurnServer>;
  source(url: string): DiscoverySource;
}

/** The registries that have a server here which is soon started and soon filled. */
export const churnRegistries: Readonly<Record<string, ChurnRegistry>> = {
  consul: {
    start: async () => {
      const agent = await startConsul();
      return { url: agent.url, writer: new ConsulWriter(() => agent), stop: () => agent.stop() };
    },
    source: (url) => consul({ url }),
  },
  etcd: {
    start: async () => {
      const member = await startEtcd();
      return { url: member.url, writer: new EtcdWriter(() => member), stop: () => member.stop() };
    },
    source: (url) => etcd({ url }),
  },
};

/** Changes a service's endpoints, one by another at a time, so that as many stay. */
export class Churning {
  readonly #done: Promise<void>;
  #isOver = false;

  constructor(
    { writer }: ChurnServer,
    service: string,
    { endpoints, changesPerSecond }: { readonly endpoints: number; readonly changesPerSecond: number },
  ) {
    this.#done = this.#run(async (swap) => {
      const turn = Math.floor(swap / endpoints);
      const at = (swap * 7_919) % endpoints;
      await writer.swap(service, written(at, turn), written(at, turn + 1));
    }, 2_000 / changesPerSecond);
    // Whoever stops it is told.
    this.#done.catch(() => undefined);
  }

  /** Rejects with what went wrong meanwhile. */
  stop(): Promise<void> {
    this.#isOver = true;
    return this.#done;
  }

  async #run(swap: (number: number) => Promise<void>, everyMs: number): Promise<void> {
    const begin = performance.now();
    for (let number = 0; !this.#isOver; number++) {
      const early = begin + number * everyMs - performance.now();
      // eslint-disable-next-line no-await-in-loop -- one swap after the other
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      // eslint-disable-next-line no-await-in-loop -- as above
      await swap(number);
    }
  }
}

/** An endpoint as it is written; each turn another one takes its place. */
export function written(i: number, turn: number): WrittenEndpoint {
  return {
    id: `orders-${i}-${turn}`,
    host: `10.${(turn % 200) + 1}.${(i >> 8) & 255}.${i & 255}`,
    port: 8_080,
  };
}
