import type { ConsulAgent } from "../../../scripts/servers/index.ts";
import type { WrittenEndpoint } from "../under-test.ts";
import { transact } from "./consul-writer.ts";

/** Writes lists of instances into the key-value store, a key of JSON for each, and of each list only what is new in it. */
export class ConsulKvWriter {
  readonly #agent: () => ConsulAgent;
  /** The values of a service's keys, by key. */
  readonly #written = new Map<string, ReadonlyMap<string, string>>();

  /** @param agent who is written to now */
  constructor(agent: () => ConsulAgent) {
    this.#agent = agent;
  }

  async put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void> {
    const before = this.#written.get(service) ?? new Map<string, string>();
    const after = new Map(endpoints.map((endpoint) => [keyOf(service, endpoint), valueOf(endpoint)]));
    const fresh = [...after].filter(([key, value]) => before.get(key) !== value);
    const gone = [...before.keys()].filter((key) => !after.has(key));
    await transact(this.#agent(), [
      ...fresh.map(([key, value]) => addition(key, value)),
      ...gone.map((key) => removal(key)),
    ]);
    this.#written.set(service, after);
  }

  async swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void> {
    await transact(this.#agent(), [
      addition(keyOf(service, added), valueOf(added)),
      removal(keyOf(service, gone)),
    ]);
  }

  /** The agent has lost everything. */
  forget(): void {
    this.#written.clear();
  }
}

function keyOf(service: string, { id }: WrittenEndpoint): string {
  return `upstreams/${service}/${id}`;
}

function valueOf({ host, port }: WrittenEndpoint): string {
  return Buffer.from(JSON.stringify({ host, port })).toString("base64");
}

function addition(key: string, value: string): object {
  return { KV: { Verb: "set", Key: key, Value: value } };
}

function removal(key: string): object {
  return { KV: { Verb: "delete", Key: key } };
}
