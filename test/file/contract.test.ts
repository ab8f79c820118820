import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sourceContract } from "@proxyless/core/testing";
import { file } from "@proxyless/discovery-file";
import { describe, expect, it } from "vitest";

describe.each(["json", "yaml"])(
  "the contract of a source, with a real %s file",
  { timeout: 30_000 },
  (ending) => {
    const cases = sourceContract(
      async () => {
        const folder = await mkdtemp(join(tmpdir(), "proxyless-file-"));
        const path = join(folder, `mesh.${ending}`);
        const services = new Map<string, unknown[]>();
        // JSON is YAML too.
        const write = async (): Promise<void> => {
          await writeFile(`${path}.tmp`, JSON.stringify({ services: Object.fromEntries(services) }));
          await rename(`${path}.tmp`, path);
        };
        let away: string | undefined;
        return {
          source: file({ path }),
          put: async (service, endpoints) => {
            services.set(service, [...endpoints]);
            await write();
          },
          remove: async (service, id) => {
            const left = (services.get(service) ?? []).filter((each) => !JSON.stringify(each).includes(id));
            services.set(service, left);
            await write();
          },
          putMalformed: async (service) => {
            services.get(service)?.push("no endpoint at all");
            await write();
          },
          putOnlyMalformed: async (service) => {
            services.set(service, ["no endpoint at all", 7]);
            await write();
          },
          // A new file with the same content.
          touch: write,
          breakConnection: async () => {
            away = `${folder}.away`;
            await rename(folder, away);
          },
          restore: async () => {
            if (away !== undefined) await rename(away, folder);
            away = undefined;
          },
          close: async () => {
            await rm(away ?? folder, { recursive: true, force: true });
          },
        };
      },
      { with: ["putOnlyMalformed", "touch", "many"] },
    ); // There is no connection that could be silent.
    it.each(cases)("$name", async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    });
  },
);
