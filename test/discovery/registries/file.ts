import { mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { file } from "@proxyless/discovery-file";

import { promisedTo } from "../recovery-bounds.ts";
import type { Harm, RegistryUnderTest, WrittenEndpoint } from "../under-test.ts";

type Services = ReadonlyMap<string, readonly WrittenEndpoint[]>;

const contents: Readonly<Record<"json" | "yaml", (services: Services) => string>> = {
  json: (services) => JSON.stringify({ services: Object.fromEntries(services) }),
  yaml: yamlOf,
};

/** A file that is replaced by rename. */
export async function startFile(format: "json" | "yaml" = "json"): Promise<RegistryUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-file-"));
  const path = join(folder, `mesh.${format}`);
  const services = new Map<string, readonly WrittenEndpoint[]>();
  const content = (): string => contents[format](services);
  const write = async (): Promise<void> => {
    await writeFile(`${path}.tmp`, content());
    await rename(`${path}.tmp`, path);
  };
  const harms: Readonly<Record<Harm, () => Promise<() => Promise<void>>>> = {
    nonsense: async () => {
      await writeFile(path, "\u0000 not what you asked for ]}");
      return write;
    },
    half: async () => {
      const whole = Buffer.from(content());
      const handle = await open(path, "w");
      await handle.write(whole.subarray(0, whole.length / 2));
      return async () => {
        await handle.write(whole.subarray(whole.length / 2));
        await handle.close();
      };
    },
    folder: async () => {
      await rm(folder, { recursive: true });
      return async () => {
        await mkdir(folder);
        await write();
      };
    },
    link: async () => {
      await symlink("nothing", `${path}.tmp`);
      await rename(`${path}.tmp`, path);
      return write;
    },
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
    harm: (how) => harms[how](),
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** As somebody would write it, and in brackets: half of a list without them is a list. */
function yamlOf(services: Services): string {
  const lists = [...services].map(([service, endpoints]) => {
    const lines = endpoints.map(({ id, host, port }) => `    { id: ${id}, host: ${host}, port: ${port} },\n`);
    return `  ${service}: [\n${lines.join("")}  ],\n`;
  });
  return `# Everything there is\nservices: {\n${lists.join("")}}\n`;
}
