import { mkdtemp, rename, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMesh } from "@proxyless/core";
import { file } from "@proxyless/discovery-file";
import { expect, it, onTestFinished } from "vitest";

import { instance, Traffic } from "../consul/traffic.ts";

it("calls whom the file names, through replacements, nonsense and deletion, without one failed call", async () => {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-file-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "mesh.json");
  const put = async (content: string): Promise<void> => {
    await writeFile(`${path}.tmp`, content);
    await rename(`${path}.tmp`, path);
  };
  const name = (...ports: readonly number[]): Promise<void> =>
    put(JSON.stringify({ services: { orders: ports.map((port) => `127.0.0.1:${port}`) } }));
  const [first, second, third] = [await instance(), await instance(), await instance()];
  await name(first);
  const mesh = createMesh({ discovery: file({ path }) });
  onTestFinished(() => mesh.close());
  const trouble = () => mesh.inspect().discovery[0]?.error?.class;
  const traffic = new Traffic(mesh, "orders");
  const answerers = async (...ports: readonly number[]): Promise<void> => {
    traffic.forget();
    await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toEqual(ports.toSorted((a, b) => a - b));
  };
  await answerers(first);
  await name(first, second);
  await answerers(first, second);
  await put("{ not yet");
  await expect.poll(trouble, { timeout: 10_000 }).toBe("data");
  await answerers(first, second);
  await unlink(path);
  await expect.poll(trouble, { timeout: 10_000 }).toBe("transient");
  await answerers(first, second);
  await name(third);
  await expect.poll(trouble, { timeout: 10_000 }).toBeUndefined();
  await answerers(third);
  expect(traffic.failures).toEqual([]);
}, 60_000);
