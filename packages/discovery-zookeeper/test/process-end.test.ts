import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { FakeZookeeper } from "./support/fake-zookeeper.ts";

const run = promisify(execFile);
const source = join(import.meta.dirname, "../src/index.ts");
const core = join(import.meta.dirname, "../../core/src/index.ts");
let fake: FakeZookeeper;

beforeAll(async () => {
  fake = await FakeZookeeper.start();
  fake.nodes.set("a", "10.0.0.1:80");
});

afterAll(() => fake.close());

describe.concurrent("a process that forgets to end its watch", { timeout: 30_000 }, () => {
  it.each([
    ["while it waits for a change", () => fake.port, "snapshot"],
    ["while it waits for a server", () => 1, "error"],
  ])("ends all the same, %s", async (_, port, first) => {
    const code = `
      const { zookeeper } = await import(${JSON.stringify(source)});
      const { systemClock: clock, systemRandom: random } = await import(${JSON.stringify(core)});
      const heard = Promise.withResolvers();
      const say = (what) => () => { console.log(what); heard.resolve(); };
      const alive = setTimeout(() => {}, 10_000);
      zookeeper({ servers: "127.0.0.1:${port()}" }).watch(
        { service: "web" },
        { snapshot: say("snapshot"), alive: say("alive"), error: say("error") },
        { signal: new AbortController().signal, clock, random },
      );
      await heard.promise;
      clearTimeout(alive);`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { timeout: 20_000 });
    expect(stdout.split("\n")[0]).toBe(first);
  });
});
