import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { file } from "@proxyless/discovery-file";

import { promisedTo } from "../recovery-bounds.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";

/** A file that is replaced by rename. Its registry is the file system, which these suites cannot break. */
export async function startFile(): Promise<RegistryUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-file-"));
  const path = join(folder, "mesh.json");
  const services = new Map<string, readonly WrittenEndpoint[]>();
  const write = async (): Promise<void> => {
    await writeFile(`${path}.tmp`, JSON.stringify({ services: Object.fromEntries(services) }));
    await rename(`${path}.tmp`, path);
  };
  await write();
  return {
    name: "file",
    ...promisedTo("file"),
    host: "",
    port: 0,
    wire: "none",
    source: () => file({ path }),
    // A file is replaced as a whole.
    put: async (service, endpoints) => {
      services.set(service, endpoints);
      await write();
    },
    // The disk is new and has nothing on it; an empty file would be somebody's word.
    restartEmpty: async () => {
      services.clear();
      await rm(folder, { recursive: true });
      await mkdir(folder);
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}
