import { execFileSync } from "node:child_process";
import { appendFile, mkdir, open, readlink, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { file } from "../src/index.ts";
import { folder, list, swap } from "./support/files.ts";

/** Longer than any test waits: what is seen is seen by the watch. */
const never = { pollMs: 3_600_000 };

/** Puts a new version into a folder as the kubelet does: a new folder, a link swapped by rename, the old folder removed. */
async function swapConfigMap(
  volume: string,
  version: number,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const name = `..2026_01_01_${version}`;
  await mkdir(join(volume, name));
  for (const [each, content] of Object.entries(files)) await writeFile(join(volume, name, each), content);
  await symlink(name, join(volume, "..data_tmp"));
  const old = await readlink(join(volume, "..data")).catch(() => undefined);
  await rename(join(volume, "..data_tmp"), join(volume, "..data"));
  for (const each of Object.keys(files)) {
    await symlink(join("..data", each), join(volume, each)).catch(() => undefined);
  }
  if (old !== undefined) await rm(join(volume, old), { recursive: true });
}

describe("a watched file", { timeout: 60_000 }, () => {
  it("is read again after every one of 100 replacements by rename", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    for (let i = 2; i <= 101; i++) {
      await swap(path, list(`10.0.0.${i}:80`));
      await watched.untilAddresses([`10.0.0.${i}:80`]);
    }
    expect(watched.errors).toEqual([]);
  });

  it("is read again after every one of 100 swaps of a ConfigMap's links", async () => {
    const volume = await folder();
    await swapConfigMap(volume, 0, { "mesh.json": list("10.0.0.200:80") });
    const watched = watching(file({ path: join(volume, "mesh.json"), ...never }), "orders");
    await watched.untilAddresses(["10.0.0.200:80"]);
    for (let i = 1; i <= 100; i++) {
      await swapConfigMap(volume, i, { "mesh.json": list(`10.0.0.${i}:80`) });
      await watched.untilAddresses([`10.0.0.${i}:80`]);
    }
    expect(watched.last).toMatchObject({ kind: "bound", trust: "authoritative" });
  });

  it("is not taken for a list while somebody still writes it, and is once it is whole", async () => {
    const path = join(await folder(), "mesh.json");
    await writeFile(path, list("10.0.0.1:80", "10.0.0.2:80"));
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    const content = list("10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80");
    const handle = await open(path, "w");
    for (const letter of content) {
      await handle.write(letter);
      await sleep(5);
    }
    await handle.close();
    await watched.untilAddresses(["10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80"]);
    expect(watched.snapshots.map(({ endpoints }) => endpoints.length)).toEqual([2, 3]);
    expect(watched.errors.every((error) => error.class === "data")).toBe(true);
  });

  it("of YAML, half written, is a whole list of half the endpoints, and is not believed", async () => {
    const path = join(await folder(), "mesh.yaml");
    await writeFile(path, "services:\n  orders:\n    - 10.0.0.1:80\n    - 10.0.0.2:80\n");
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
    const handle = await open(path, "w");
    await handle.write("services:\n  orders:\n");
    for (const address of ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]) {
      await handle.write(`    - ${address}\n`);
      await sleep(60);
    }
    await handle.close();
    await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
    expect(watched.snapshots.map(({ endpoints }) => endpoints.length)).toEqual([2, 3]);
  });

  it("that makes no sense keeps what it said last, says so, and counts again when it does", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    for (const bad of ["", "{", "7", `{"services": []}`, `{"service": "orders"}`, "\u0000"]) {
      const before = watched.errors.length;
      await swap(path, bad);
      await watched.until(`an error for ${bad}`, () => watched.errors.length > before);
      expect(watched.errors.at(-1)).toMatchObject({ class: "data", message: expect.stringContaining(path) });
    }
    expect(watched.snapshots).toHaveLength(1);
    await swap(path, list("10.0.0.2:80"));
    await watched.untilAddresses(["10.0.0.2:80"]);
  });

  it("may be missing at first", async () => {
    const path = join(await folder(), "mesh.json");
    const watched = watching(file({ path, ...never }), "orders");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "transient",
      message: `cannot read ${path}: ENOENT`,
    });
    expect(watched.snapshots).toEqual([]);
    await swap(path, list("10.0.0.1:80"));
    await watched.untilAddresses(["10.0.0.1:80"]);
  });

  it("may be deleted: what it said is kept, and confirmed when it is back", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    await unlink(path);
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({ class: "transient" });
    const alives = watched.alives;
    await swap(path, list("10.0.0.1:80"));
    await watched.until("a confirmation", () => watched.alives > alives);
    expect(watched.snapshots).toHaveLength(1);
  });

  it("may lose its folder, and is watched again in the new one", async () => {
    const inside = join(await folder(), "inside");
    const path = join(inside, "mesh.json");
    await mkdir(inside);
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    for (let i = 2; i <= 4; i++) {
      await rm(inside, { recursive: true });
      await watched.until("an error", () => watched.errors.length > 0);
      await mkdir(inside);
      await swap(path, list(`10.0.0.${i}:80`));
      await watched.untilAddresses([`10.0.0.${i}:80`]);
      await swap(path, list(`10.0.1.${i}:80`));
      await expect(watched.untilAddresses([`10.0.1.${i}:80`])).resolves.toBeUndefined();
      watched.errors.length = 0;
    }
  });

  it("may stand in a folder that is a link, and follows the link to another folder", async () => {
    const root = await folder();
    for (const release of ["1", "2", "3"]) {
      await mkdir(join(root, release));
      await swap(join(root, release, "mesh.json"), list(`10.0.0.${release}:80`));
    }
    await symlink("1", join(root, "current"));
    const watched = watching(file({ path: join(root, "current/mesh.json"), ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    for (const release of ["2", "3"]) {
      await symlink(release, join(root, "next"));
      await rename(join(root, "next"), join(root, "current"));
      await watched.untilAddresses([`10.0.0.${release}:80`]);
    }
    await swap(join(root, "3/mesh.json"), list("10.0.0.4:80"));
    await expect(watched.untilAddresses(["10.0.0.4:80"])).resolves.toBeUndefined();
  });

  it("is refused when it is no regular file, without waiting for anybody to write into it", async () => {
    const path = join(await folder(), "mesh.json");
    execFileSync("mkfifo", [path]);
    const watched = watching(file({ path, ...never }), "orders");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({ class: "data", message: `${path} is no regular file` });
  });

  it("is refused when it is too large, and keeps what it said before", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, maxBytes: 1024, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    await appendFile(path, " ".repeat(2000));
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors.at(-1)?.message).toMatch(/has 2\d{3} bytes, more than 1024/);
    expect(watched.snapshots).toHaveLength(1);
  });

  it("is read from time to time where nothing tells of changes", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, watch: false, pollMs: 50 }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    await swap(path, list("10.0.0.2:80"));
    await expect(watched.untilAddresses(["10.0.0.2:80"])).resolves.toBeUndefined();
  });

  it("is read at once when somebody doubts it", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, watch: false, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    await swap(path, list("10.0.0.2:80"));
    watched.refresh();
    await expect(watched.untilAddresses(["10.0.0.2:80"])).resolves.toBeUndefined();
  });

  it("with 10,000 endpoints is read whole, each time it changes", async () => {
    const path = join(await folder(), "mesh.json");
    const many = Array.from({ length: 10_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}:80`);
    await swap(path, list(...many));
    const watched = watching(file({ path, ...never }), "orders");
    await watched.until("10,000", () => watched.last?.endpoints.length === 10_000);
    await swap(path, list(...many.slice(1)));
    await expect(
      watched.until("one less", () => watched.last?.endpoints.length === 9999),
    ).resolves.toBeUndefined();
  });
});

describe("what a file says of a service", { timeout: 60_000 }, () => {
  it("counts at once when it is an empty list, or nothing any more", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, list("10.0.0.1:80"));
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    await swap(path, list());
    await watched.untilAddresses([]);
    expect(watched.last).toMatchObject({ kind: "bound", explicitRemovals: true });
    await swap(path, `{"services": {}}`);
    await watched.until("absent", () => watched.last?.kind === "absent");
  });

  it("leaves out what is no endpoint, and is refused when nothing is one", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(
      path,
      `{"services": {"orders": ["10.0.0.1:80", 7, {"host": "x"}, {"host": "h", "port": 1, "wieght": 2}]}}`,
    );
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.last?.skipped).toBe(3);
    await swap(path, `{"services": {"orders": [7, 8]}}`);
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "data",
      message: "service orders: none of 2 entries is an endpoint",
    });
    expect(watched.snapshots).toHaveLength(1);
  });

  it("comes from a folder of files, one for each service, and a broken one troubles no other", async () => {
    const path = await folder();
    await swap(join(path, "orders.json"), `["10.0.0.1:80"]`);
    await swap(join(path, "users.yaml"), "- 10.0.1.1:80\n");
    await writeFile(join(path, ".hidden.json"), `["10.9.9.9:80"]`);
    await writeFile(join(path, "notes.txt"), "none of ours");
    const source = file({ path, ...never });
    const orders = watching(source, "orders");
    const users = watching(source, "users");
    const notes = watching(source, "notes");
    await orders.untilAddresses(["10.0.0.1:80"]);
    await users.untilAddresses(["10.0.1.1:80"]);
    await notes.until("absent", () => notes.last?.kind === "absent");
    await swap(join(path, "users.yaml"), "- [");
    await users.until("an error", () => users.errors.length > 0);
    await swap(join(path, "orders.json"), `["10.0.0.2:80"]`);
    await orders.untilAddresses(["10.0.0.2:80"]);
    expect(orders.errors).toEqual([]);
    expect(users.addresses).toEqual(["10.0.1.1:80"]);
  });

  it("stays when its file is deleted from a folder, until another file has it", async () => {
    const path = await folder();
    await swap(join(path, "a.json"), list("10.0.0.1:80"));
    await swap(join(path, "b.json"), `{"services": {"users": ["10.0.1.1:80"]}}`);
    const watched = watching(file({ path, ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    await unlink(join(path, "a.json"));
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringMatching(/is gone/),
    });
    expect(watched.addresses).toEqual(["10.0.0.1:80"]);
    await swap(join(path, "c.json"), list("10.0.0.2:80"));
    await watched.untilAddresses(["10.0.0.2:80"]);
  });

  it("comes from all files of a pattern together, also from those that come later", async () => {
    const path = await folder();
    await swap(join(path, "mesh-a.json"), list("10.0.0.1:80"));
    await swap(join(path, "other.json"), list("10.9.9.9:80"));
    const watched = watching(file({ path: join(path, "mesh-*.json"), ...never }), "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    await swap(join(path, "mesh-b.json"), list("10.0.0.2:80"));
    await expect(watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"])).resolves.toBeUndefined();
  });

  it("comes from a file of its own where the path has its name in it", async () => {
    const path = await folder();
    await swap(join(path, "orders.json"), `["10.0.0.1:80"]`);
    const source = file({ path: join(path, "{service}.json"), ...never });
    const watched = watching(source, "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    const evil = watching(source, "../secrets");
    await evil.until("an error", () => evil.errors.length > 0);
    expect(evil.errors[0]).toMatchObject({ class: "config" });
    expect(evil.snapshots).toEqual([]);
  });

  it("is read once for any number of services of one file", async () => {
    const path = join(await folder(), "mesh.json");
    await swap(path, JSON.stringify({ services: { a: ["10.0.0.1:80"], b: ["10.0.0.2:80"] } }));
    const source = file({ path, ...never });
    const a = watching(source, "a");
    const b = watching(source, "b");
    await a.untilAddresses(["10.0.0.1:80"]);
    await b.untilAddresses(["10.0.0.2:80"]);
    await a.stop();
    await swap(path, JSON.stringify({ services: { b: ["10.0.0.3:80"] } }));
    await b.untilAddresses(["10.0.0.3:80"]);
    const again = watching(source, "a");
    await expect(again.until("absent", () => again.last?.kind === "absent")).resolves.toBeUndefined();
  });
});
