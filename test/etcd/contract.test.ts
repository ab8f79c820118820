import { sourceContract } from "@proxyless/core/testing";
import { etcd } from "@proxyless/discovery-etcd";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startEtcd } from "../../scripts/servers/index.ts";
import type { EtcdMember } from "../../scripts/servers/index.ts";

describe.each(["3.4", "3.5"] as const)("the contract of a source, with a real etcd %s", (version) => {
  let member: EtcdMember;

  beforeAll(async () => {
    member = await startEtcd({ version });
  }, 120_000);

  afterAll(() => member.stop());

  const cases = sourceContract(
    () => {
      const written = new Set<string>();
      const write = async (key: string, value: string): Promise<void> => {
        written.add(key);
        await member.put(key, value);
      };
      return {
        source: etcd({ url: member.url }),
        put: async (service, endpoints) => {
          const wanted = new Map(
            endpoints.map(({ id, host, port }) => [`${service}/${id}`, `${host}:${port}`]),
          );
          for (const key of written) {
            // eslint-disable-next-line no-await-in-loop -- a handful
            if (!wanted.has(key)) await member.delete(key);
          }
          // eslint-disable-next-line no-await-in-loop -- as above
          for (const [key, value] of wanted) await write(key, value);
        },
        remove: async (service, id) => {
          await member.delete(`${service}/${id}`);
        },
        putMalformed: (service) => write(`${service}/malformed`, '{"Op":0,"Addr":"no address at all"}'),
        breakConnection: () => member.kill(),
        restore: async () => {
          await member.restart();
        },
        close: async () => {
          if (!member.isRunning) await member.restart();
          await member.delete("contract/", true);
        },
      };
    },
    { timeoutMs: 15_000 },
  );
  it("is of that version", () => {
    expect(member.version.startsWith(`${version}.`)).toBe(true);
  });

  it.each(cases)(
    "$name",
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
    60_000,
  );
});
