import { etcd } from "@proxyless/discovery-etcd";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startEtcd } from "../../scripts/servers/index.ts";
import type { EtcdMember } from "../../scripts/servers/index.ts";
import { watching } from "../support/watching.ts";
import { Gate } from "./gate.ts";

describe.each(["3.4", "3.5"] as const)("the history of a real etcd %s", { timeout: 60_000 }, (version) => {
  let member: EtcdMember;

  beforeAll(async () => {
    member = await startEtcd({ version });
  }, 120_000);

  afterAll(() => member.stop());

  it("may be compacted between a list and its watch: what was deleted meanwhile is not kept", async () => {
    await member.put("web/a", "10.9.0.1:80");
    await member.put("web/b", "10.9.0.2:80");
    const gate = await Gate.before(member, onTestFinished);
    gate.hold("/v3/watch");
    const web = watching(etcd({ url: gate.url }), "web");
    await gate.untilHeld();
    await member.delete("web/a");
    await member.put("web/c", "10.9.0.3:80");
    await member.compact(await member.put("elsewhere", "x"));
    gate.open();
    await web.untilStates(["10.9.0.2:80 healthy", "10.9.0.3:80 healthy"]);
    expect(web.errors).toEqual([
      { class: "protocol-reset", message: expect.stringContaining("compacted what came before") },
    ]);
    await member.put("web/d", "10.9.0.4:80");
    await web.untilStates(["10.9.0.2:80 healthy", "10.9.0.3:80 healthy", "10.9.0.4:80 healthy"]);
    await member.delete("web/", true);
  });

  it("goes on while a source is cut off, compaction included, and nothing of it is missed", async () => {
    await member.put("web/a", "10.9.0.1:80");
    const web = watching(etcd({ url: member.url }), "web");
    await web.untilStates(["10.9.0.1:80 healthy"]);
    await member.kill();
    await web.until("an error", () => web.errors.length > 0);
    await member.restart();
    await member.delete("web/a");
    for (let i = 0; i < 20; i++) {
      // eslint-disable-next-line no-await-in-loop -- each write moves the revision
      await member.put("web/b", `10.9.1.${i}:80`);
    }
    await member.compact(await member.put("elsewhere", "y"));
    await web.untilStates(["10.9.1.19:80 healthy"]);
    expect(web.errors.every((error) => error.class !== "data")).toBe(true);
    await member.delete("web/", true);
  });

  it("may begin anew: who was set back to an empty server believes it, after asking twice", async () => {
    const forgetful = await startEtcd({ version, state: "memory" });
    onTestFinished(() => forgetful.stop());
    for (let i = 0; i < 20; i++) {
      // eslint-disable-next-line no-await-in-loop -- each write moves the revision
      await forgetful.put("web/a", `10.9.1.${i}:80`);
    }
    const web = watching(etcd({ url: forgetful.url }), "web");
    await web.untilStates(["10.9.1.19:80 healthy"]);
    await forgetful.kill();
    await forgetful.restart();
    await forgetful.put("web/b", "10.9.0.2:80");
    await web.untilStates(["10.9.0.2:80 healthy"]);
    const resets = web.errors.filter((error) => error.class === "protocol-reset");
    expect(resets).toHaveLength(1);
    expect(resets[0]?.message).toMatch(/set back from revision 21 to \d$/);
  });
});
