import type { EtcdMember } from "../../../scripts/servers/index.ts";
import type { WrittenEndpoint } from "../under-test.ts";

/** etcd takes no more in one transaction. */
const mostOperations = 128;

/** Who reads the registries of the suites. */
export const reader = { username: "reader", password: "reader-password" } as const;

/** Makes {@link reader}, who may read everything, and nothing else. */
export async function addReader(member: EtcdMember): Promise<void> {
  const { username, password } = reader;
  await member.call("/v3/auth/role/add", { name: username });
  const everything = { key: "AA==", range_end: "AA==" };
  await member.call("/v3/auth/role/grant", { name: username, perm: { permType: "READ", ...everything } });
  await member.call("/v3/auth/user/add", { name: username, password });
  await member.call("/v3/auth/user/grant", { user: username, role: username });
}

/** Writes lists of instances as etcd's own `naming/endpoints` does, and of each list only what is new in it. */
export class EtcdWriter {
  readonly #member: () => EtcdMember;
  readonly #written = new Map<string, ReadonlyMap<string, string>>();

  /** @param member who is written to now */
  constructor(member: () => EtcdMember) {
    this.#member = member;
  }

  async put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void> {
    const wanted = new Map(endpoints.map((endpoint) => [keyOf(service, endpoint), valueOf(endpoint)]));
    const before = this.#written.get(service) ?? new Map<string, string>();
    const gone = [...before.keys()].filter((key) => !wanted.has(key));
    const fresh = [...wanted].filter(([key, value]) => before.get(key) !== value);
    await this.#transact([
      ...gone.map((key) => removal(key)),
      ...fresh.map(([key, value]) => addition(key, value)),
    ]);
    this.#written.set(service, wanted);
  }

  swap(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void> {
    return this.#transact([removal(keyOf(service, gone)), addition(keyOf(service, added), valueOf(added))]);
  }

  /** etcd has lost everything. */
  forget(): void {
    this.#written.clear();
  }

  /** Those of one transaction become one revision. */
  async #transact(operations: readonly object[]): Promise<void> {
    for (let from = 0; from < operations.length; from += mostOperations) {
      const some = operations.slice(from, from + mostOperations);
      // eslint-disable-next-line no-await-in-loop -- one after the other, in the order they were given
      await this.#member().call("/v3/kv/txn", { success: some });
    }
  }
}

function keyOf(service: string, { id }: WrittenEndpoint): string {
  return `${service}/${id}`;
}

function valueOf({ host, port }: WrittenEndpoint): string {
  return JSON.stringify({ Op: 0, Addr: `${host}:${port}`, Metadata: null });
}

function addition(key: string, value: string): object {
  return { request_put: { key: base64(key), value: base64(value) } };
}

function removal(key: string): object {
  return { request_delete_range: { key: base64(key) } };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
