import { sourceContract } from "@proxyless/core/testing";
import { etcd } from "@proxyless/discovery-etcd";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startEtcd } from "../../scripts/servers/index.ts";
import type { EtcdMember } from "../../scripts/servers/index.ts";

const malformed = '{"Op":0,"Addr":"no address at all"}';

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

describe.each(["3.4", "3.5"] as const)("the contract of a source, with a real etcd %s", (version) => {
  let member: EtcdMember;

  beforeAll(async () => {
    member = await startEtcd({ version });
  }, 120_000);

  afterAll(() => member.stop());

  const cases = sourceContract(
    () => {
      const written = new Map<string, string>();
      /** Makes exactly these the keys; of many, a hundred in one transaction, which has 128 operations at most. */
      const write = async (wanted: ReadonlyMap<string, string>): Promise<void> => {
        const gone = [...written.keys()].filter((key) => !wanted.has(key));
        await Promise.all(gone.map((key) => member.delete(key)));
        const puts = Array.from(wanted, ([key, value]) => ({
          request_put: { key: base64(key), value: base64(value) },
        }));
        for (let from = 0; from < puts.length; from += 100) {
          await member.call("/v3/kv/txn", { success: puts.slice(from, from + 100) });
        }
        written.clear();
        for (const [key, value] of wanted) written.set(key, value);
      };
      let isPaused = false;
      const restore = async (): Promise<void> => {
        if (isPaused) member.resume();
        else await member.restart();
        isPaused = false;
      };
      return {
        // Reading everything again finds a watch that died unnoticed.
        source: etcd({ url: member.url, resyncMs: 3000 }),
        put: (service, endpoints) =>
          write(new Map(endpoints.map(({ id, host, port }) => [`${service}/${id}`, `${host}:${port}`]))),
        remove: async (service, id) => {
          written.delete(`${service}/${id}`);
          await member.delete(`${service}/${id}`);
        },
        putMalformed: (service) => write(new Map([...written, [`${service}/malformed`, malformed]])),
        // Written over: what is deleted is believed to be gone.
        putOnlyMalformed: () => write(new Map(Array.from(written.keys(), (key) => [key, malformed]))),
        touch: () => write(new Map(written)),
        breakConnection: () => member.kill(),
        silence: async () => {
          await member.pause();
          isPaused = true;
        },
        restore,
        close: async () => {
          if (isPaused || !member.isRunning) await restore();
          await member.delete("contract/", true);
        },
      };
    },
    { timeoutMs: 15_000, with: ["putOnlyMalformed", "touch", "silence", "many"] },
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
