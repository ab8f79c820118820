import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { expect, it } from "vitest";

import { Stage } from "./support/stage.ts";

it("nothing is collected and nothing sent while nobody asks", { timeout: 120_000 }, async () => {
  await using stage = await Stage.start();
  const names = await stage.add("cluster", "thread");
  const collections = async (): Promise<readonly number[]> => {
    const counts = await Promise.all(names.map((worker) => stage.tell(worker, { op: "count" })));
    return counts.map((each) => each.collections);
  };
  const { said } = await stage.lines();
  for (const worker of names) await stage.tell(worker, { op: "call", path: "/200", times: 200 });
  expect(await collections()).toEqual([0, 0]);
  expect((await stage.lines()).said).toBe(said);
  // Who asks at the same time is asked for once.
  await Promise.all([stage.scrape(), stage.scrape(), stage.scrape()]);
  const after = await collections();
  expect(Math.max(...after)).toBeLessThanOrEqual(3);
  expect((await stage.lines()).said).toBe(said + after[0]!);
});

it.each(["primary", "worker", "thread", "listener"])(
  "keeps no process alive: %s",
  { timeout: 60_000 },
  async (role) => {
    const child = fork(join(import.meta.dirname, "support/idle.ts"), [role]);
    const exit = once(child, "exit");
    if (role === "listener") {
      // It has a listener of its own, and so lives until that has heard what it waits for.
      await once(child, "message");
      child.send("end");
    }
    expect(await exit).toEqual([role === "listener" ? 3 : 0, null]);
  },
);
