import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { nacos } from "../src/index.ts";
import { startServer } from "./support/instances.ts";
import { answerList, answerOnce, asked, timeout, v1 } from "./support/lists.ts";

describe("a list that is older than the one before (bug 12)", { timeout }, () => {
  it("is ignored, and another one is asked for at once", async () => {
    const server = await startServer({ apis: ["v1"] });
    answerOnce(server, 2000, 80, 81);
    const watched = watching(nacos({ url: server.url, api: "v1" }), "a");
    await watched.until("a list", () => watched.states.length === 2);
    answerOnce(server, 1000, 80);
    answerOnce(server, 3000, 80, 81);
    watched.refresh();
    await watched.until("the next", () => watched.log.length === 3);
    expect(watched.log).toEqual(["snapshot bound authoritative 2", "error protocol-reset", "alive"]);
  });

  it("is ignored however often it comes, without haste, until nothing newer came for 30 s: then a clock was set back", async () => {
    const server = await startServer({ apis: ["v1"] });
    let madeAt = 1_000_000;
    let ports = [80, 81];
    server.script = (_, response) => {
      answerList(response, madeAt++, ports);
    };
    const clock = new ManualClock();
    const source = nacos({ url: server.url, api: "v1", intervalMs: 1000 });
    const watched = watching(source, "a", { clock, random: () => 0.5 });
    const second = async (): Promise<void> => {
      const heard = watched.log.length;
      await clock.advance(1000);
      await watched.until("the next", () => watched.log.length > heard);
    };
    await watched.until("a list", () => watched.states.length === 2);
    madeAt = 1000;
    ports = [80];
    for (let s = 1; s <= 30; s++) await second();
    expect(watched.snapshots).toHaveLength(1);
    expect(new Set(watched.log.slice(1))).toEqual(new Set(["error protocol-reset"]));
    expect(asked(server, v1)).toBeLessThan(80);
    for (let s = 0; watched.snapshots.length === 1 && s < 2; s++) await second();
    expect(watched.states).toEqual(["10.0.0.1:80 healthy"]);
    const refused = watched.errors.length;
    ports = [80, 82];
    await second();
    await watched.until("one more", () => watched.states.length === 2);
    expect(watched.errors).toHaveLength(refused);
  });
});
