import { etcd } from "@proxyless/discovery-etcd";

import { startEtcd } from "../../../scripts/servers/index.ts";
import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest } from "../under-test.ts";
import { addReader, EtcdWriter, reader } from "./etcd-writer.ts";

/** A minute and a half between two lists is more than a suite can wait for. */
export const impatience = { resyncMs: 5000 } as const;

/** A real etcd with access control. */
export async function startEtcdUnderTest(version: "3.4" | "3.5" = "3.5"): Promise<RegistryUnderTest> {
  const member = await startEtcd({ auth: true, version });
  await addReader(member);
  const writer = new EtcdWriter(() => member);
  return {
    name: version === "3.5" ? "etcd" : `etcd-${version}`,
    ...promisedTo("etcd", {}, impatience),
    host: member.host,
    port: member.port,
    source: (host, port, isImpatient = false) =>
      etcd({ url: `http://${host}:${port}`, ...reader, ...(isImpatient ? impatience : {}) }),
    put: (service, endpoints) => writer.put(service, endpoints),
    swap: (service, gone, added) => writer.swap(service, gone, added),
    kill: () => member.kill(),
    restart: async () => {
      await member.restart();
    },
    restartEmpty: async () => {
      await member.restartEmpty();
      writer.forget();
    },
    pause: () => member.pause(),
    resume: () => {
      member.resume();
    },
    // etcd forgets a user's tokens when the password changes, also to the same.
    expireAuth: async () => {
      if (member.root === undefined) return;
      const { username, password } = reader;
      await member.call("/v3/auth/user/changepw", { name: username, password });
    },
    garbage: Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"result":[[{\r\n'),
    stop: () => member.stop(),
  };
}
