import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it, onTestFinished } from "vitest";

import { CacheFolder } from "../../src/discovery/combine/cache-folder.ts";
import { resolveCache } from "../../src/discovery/combine/cache-options.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import { bound, list } from "./rig.ts";

it.for([
  [1, 1],
  [3, 3],
  [16, 18],
] as const)(
  "a folder for %i lists never holds more than %i, and has the newest",
  async ([maxFiles, most]) => {
    const directory = await mkdtemp(join(tmpdir(), "proxyless-cache-folder-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const folder = new CacheFolder(resolveCache({ directory, maxFiles }, fakeSource()));
    const write = (service: string): Promise<number | string> =>
      folder.write({ source: "fake", key: service, service }, bound(list("a")), Date.now());
    for (let i = 0; i < 50; i++) {
      // eslint-disable-next-line no-await-in-loop -- one is older than the next
      expect(await write(`s${i}`)).toBe(1);
      // It is not a new one.
      // eslint-disable-next-line no-await-in-loop -- as above
      await write(`s${i}`);
      // eslint-disable-next-line no-await-in-loop -- as above
      const files = await readdir(directory);
      expect(files.length).toBeLessThanOrEqual(most);
      expect(files).toContainEqual(expect.stringContaining(`-s${i}-`));
    }
  },
);
