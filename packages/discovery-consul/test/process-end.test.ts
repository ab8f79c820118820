import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { entry, FakeConsul } from "./support/fake-consul.ts";

const run = promisify(execFile);
const source = join(import.meta.dirname, "../src/index.ts");
const core = join(import.meta.dirname, "../../core/src/index.ts");
let fake: FakeConsul;

beforeAll(async () => {
  fake = await FakeConsul.start();
  fake.put("web", [entry("a")]);
});

afterAll(() => fake.close());

describe("a process that forgets to end its watch", { timeout: 30_000 }, () => {
  it.each([
    ["while it waits for a change", ""],
    ["while it backs off", "/nothing-there"],
  ])("ends all the same, %s", async (_, path) => {
    if (path !== "") fake.script = (_request, response) => void response.writeHead(500).end();
    const code = `
      const { consul } = await import(${JSON.stringify(source)});
      const { systemClock: clock, systemRandom: random } = await import(${JSON.stringify(core)});
      const say = (what) => () => console.log(what);
      consul({ url: ${JSON.stringify(fake.url + path)} }).watch(
        { service: "web" },
        { snapshot: say("snapshot"), alive: say("alive"), error: say("error") },
        { signal: new AbortController().signal, clock, random },
      );`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { timeout: 10_000 });
    expect(stdout).toMatch(path === "" ? /^snapshot\n$/ : /^error\n/);
  });
});
