import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { FakeEtcd } from "./support/fake-etcd.ts";

const run = promisify(execFile);
const source = join(import.meta.dirname, "../src/index.ts");
const core = join(import.meta.dirname, "../../core/src/index.ts");
let fake: FakeEtcd;

beforeAll(async () => {
  fake = await FakeEtcd.start();
  fake.put("web/a", "10.0.0.1:80");
});

afterAll(() => fake.close());

describe("a process that forgets to end its watch", { timeout: 30_000 }, () => {
  it.each([
    ["while it waits for a change", ""],
    ["while it backs off", "/nothing-there"],
  ])("ends all the same, %s", async (_, path) => {
    const code = `
      const { etcd } = await import(${JSON.stringify(source)});
      const { systemClock: clock, systemRandom: random } = await import(${JSON.stringify(core)});
      const say = (what) => () => console.log(what);
      etcd({ url: ${JSON.stringify(fake.url + path)} }).watch(
        { service: "web" },
        { snapshot: say("snapshot"), alive: say("alive"), error: say("error") },
        { signal: new AbortController().signal, clock, random },
      );
      // The watch itself keeps nothing alive, so the list needs somebody who waits for it.
      setTimeout(() => undefined, 500);`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { timeout: 20_000 });
    expect(stdout).toMatch(path === "" ? /^snapshot\n$/ : /^error\n/);
  });
});
