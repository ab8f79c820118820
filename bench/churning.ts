import type { WrittenEndpoint } from "../test/discovery/under-test.ts";

/** Who writes into a registry. */
export interface ChurnWriter {
  put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void>;
  swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void>;
}

/** Changes a service's endpoints, one by another at a time, so that as many stay. */
export class Churning {
  readonly #done: Promise<void>;
  #isOver = false;

  constructor(
    writer: ChurnWriter,
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

/** Writes lists as a whole, as often as somebody who generates files would. */
export class WholeLists implements ChurnWriter {
  readonly #write: (service: string, endpoints: readonly WrittenEndpoint[]) => Promise<void>;
  readonly #everyMs: number;
  readonly #lists = new Map<string, Map<string, WrittenEndpoint>>();
  #writtenAt = 0;

  constructor(
    write: (service: string, endpoints: readonly WrittenEndpoint[]) => Promise<void>,
    everyMs: number,
  ) {
    this.#write = write;
    this.#everyMs = everyMs;
  }

  put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void> {
    this.#lists.set(service, new Map(endpoints.map((endpoint) => [endpoint.id, endpoint])));
    return this.#write(service, endpoints);
  }

  async swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void> {
    const list = this.#lists.get(service);
    list?.delete(gone.id);
    list?.set(added.id, added);
    const now = performance.now();
    if (now - this.#writtenAt < this.#everyMs) return;
    this.#writtenAt = now;
    await this.#write(service, [...(list?.values() ?? [])]);
  }
}
