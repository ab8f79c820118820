import type { ConsulAgent } from "../../../scripts/servers/index.ts";
import type { WrittenEndpoint } from "../under-test.ts";

/** An agent compares all that it has with each instance that comes: of longer lists every one would cost more than the last. */
const mostOfAgent = 100;
/** The most operations of one transaction. */
const mostOperations = 64;
/** How many requests there are at once; an agent closes more than 200 connections of one client. */
const atOnce = 16;
/** The node of instances that no agent answers for. */
const outside = "outside";

type Addresses = ReadonlyMap<string, string>;

/**
 * Writes lists of instances, and of each list only what is new in it. Short ones as most users do, instance by instance
 * with the agent; long ones as those who bring the instances of another platform do, many at once into the catalog.
 */
export class ConsulWriter {
  readonly #agent: () => ConsulAgent;
  readonly #mostOfAgent: number;
  /** The address of each instance that was written, by service and id. */
  readonly #written = new Map<string, Addresses>();
  /** Services whose instances are in the catalog only. */
  readonly #outside = new Set<string>();

  /**
   * @param agent who is written to now
   * @param most how long a list may be that is registered with an agent, and lives with it
   */
  constructor(agent: () => ConsulAgent, most: number = mostOfAgent) {
    this.#agent = agent;
    this.#mostOfAgent = most;
  }

  async put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void> {
    const before = this.#written.get(service) ?? new Map<string, string>();
    const after = new Map(endpoints.map(({ id, host, port }) => [id, `${host}:${port}`]));
    // Until it has succeeded nobody knows what is there.
    this.#written.set(service, new Map([...before.keys(), ...after.keys()].map((id) => [id, ""])));
    const fresh = endpoints.filter(({ id }) => before.get(id) !== after.get(id));
    const gone = [...before.keys()].filter((id) => !after.has(id));
    if (before.size === 0 && fresh.length > this.#mostOfAgent) this.#outside.add(service);
    if (this.#outside.has(service)) {
      await this.#agent().call("PUT", "/v1/catalog/register", { Node: outside, Address: "127.0.0.1" });
      await transact(this.#agent(), [
        ...gone.map((id) => removal(service, id)),
        ...fresh.map((endpoint) => addition(service, endpoint)),
      ]);
    } else {
      await inBatches(fresh, (endpoint) => this.#register(service, endpoint));
      await inBatches(gone, (id) => this.#deregister(id));
    }
    this.#written.set(service, after);
  }

  async swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void> {
    if (this.#outside.has(service)) {
      await transact(this.#agent(), [removal(service, gone.id), addition(service, added)]);
    } else {
      // Two steps, and in this order, so that there are never too few.
      await this.#register(service, added);
      await this.#deregister(gone.id);
    }
  }

  /** The agent has lost everything. */
  forget(): void {
    this.#written.clear();
    this.#outside.clear();
  }

  async #register(service: string, { id, host, port }: WrittenEndpoint): Promise<void> {
    const body = { ID: id, Name: service, Address: host, Port: port };
    await this.#agent().call("PUT", "/v1/agent/service/register", body);
  }

  /** One that is gone already may be a 404. */
  async #deregister(id: string): Promise<void> {
    await this.#agent().request("PUT", `/v1/agent/service/deregister/${encodeURIComponent(id)}`);
  }
}

/** Hands operations to an agent, so many at a time as it takes. */
export async function transact(agent: ConsulAgent, operations: readonly object[]): Promise<void> {
  const parts: (readonly object[])[] = [];
  for (let from = 0; from < operations.length; from += mostOperations) {
    parts.push(operations.slice(from, from + mostOperations));
  }
  await inBatches(parts, (part) => agent.call("PUT", "/v1/txn", part));
}

function addition(service: string, { id, host, port }: WrittenEndpoint): object {
  const entry = { ID: id, Service: service, Address: host, Port: port };
  return { Service: { Verb: "set", Node: outside, Service: entry } };
}

function removal(service: string, id: string): object {
  return { Service: { Verb: "delete", Node: outside, Service: { ID: id, Service: service } } };
}

/** Works on items, so many at a time as a server takes from one client. */
export async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += atOnce) {
    // eslint-disable-next-line no-await-in-loop -- so many at a time
    await Promise.all(items.slice(from, from + atOnce).map(work));
  }
}
