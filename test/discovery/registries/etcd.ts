import { etcd } from "@proxyless/discovery-etcd";

import { startEtcd } from "../../../scripts/servers/index.ts";
import type { EtcdMember } from "../../../scripts/servers/index.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";

const reader = { username: "reader", password: "reader-password" };

/** A real etcd 3.5 with access control, whose entries are written as etcd's own `naming/endpoints` writes them. */
export async function startEtcdUnderTest(): Promise<RegistryUnderTest> {
  const member = await startEtcd({ auth: true });
  await addReader(member);
  const written = new Map<string, ReadonlyMap<string, string>>();
  return {
    name: "etcd",
    // Trouble is waited out for 5 s at most, and a request that went astray is given up after 3 s.
    recoveryMs: 9000,
    host: member.host,
    port: member.port,
    source: (host, port) => etcd({ url: `http://${host}:${port}`, ...reader }),
    put: async (service, endpoints) => {
      const wanted = entriesOf(service, endpoints);
      const before = written.get(service) ?? new Map<string, string>();
      for (const key of before.keys()) {
        // eslint-disable-next-line no-await-in-loop -- a handful
        if (!wanted.has(key)) await member.delete(key);
      }
      for (const [key, value] of wanted) {
        // eslint-disable-next-line no-await-in-loop -- as above
        if (before.get(key) !== value) await member.put(key, value);
      }
      written.set(service, wanted);
    },
    swap: async (service, gone, added) => {
      for (const [key, value] of entriesOf(service, [added])) {
        // eslint-disable-next-line no-await-in-loop -- one
        await member.put(key, value);
      }
      await member.delete(`${service}/${gone.id}`);
    },
    kill: () => member.kill(),
    restart: async () => {
      await member.restart();
    },
    restartEmpty: async () => {
      await member.restartEmpty();
      written.clear();
    },
    pause: () => member.pause(),
    resume: () => {
      member.resume();
    },
    // etcd forgets a user's tokens when the password changes, also to the same.
    expireAuth: async () => {
      if (member.root === undefined) return;
      await member.call("/v3/auth/user/changepw", { name: reader.username, password: reader.password });
    },
    garbage: Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"result":[[{\r\n'),
    stop: () => member.stop(),
  };
}

/** One who may read everything, and nothing else. */
async function addReader(member: EtcdMember): Promise<void> {
  const { username, password } = reader;
  await member.call("/v3/auth/role/add", { name: username });
  const everything = { key: "AA==", range_end: "AA==" };
  await member.call("/v3/auth/role/grant", { name: username, perm: { permType: "READ", ...everything } });
  await member.call("/v3/auth/user/add", { name: username, password });
  await member.call("/v3/auth/user/grant", { user: username, role: username });
}

function entriesOf(service: string, endpoints: readonly WrittenEndpoint[]): ReadonlyMap<string, string> {
  return new Map(
    endpoints.map(({ id, host, port }) => [
      `${service}/${id}`,
      JSON.stringify({ Op: 0, Addr: `${host}:${port}`, Metadata: null }),
    ]),
  );
}
