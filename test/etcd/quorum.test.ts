import { etcd } from "@proxyless/discovery-etcd";
import { describe, expect, it, onTestFinished } from "vitest";

import { startEtcdCluster } from "../../scripts/servers/index.ts";
import { watching } from "../support/watching.ts";

describe("a cluster of three real members of 3.4 without access control", { timeout: 90_000 }, () => {
  it("that has lost its quorum gives newcomers a doubtful list, and a trusted one when it is back", async () => {
    const open = await startEtcdCluster(3, { version: "3.4" });
    onTestFinished(() => open.stop());
    const [one, two, three] = open.members;
    if (one === undefined || two === undefined || three === undefined) throw new Error("there are three");
    await one.put("web/a", "10.9.0.1:80");
    const old = watching(etcd({ url: one.url }), "web");
    await old.untilStates(["10.9.0.1:80 healthy"]);
    await Promise.all([two.kill(), three.kill()]);
    await old.until("an error", () => old.errors.length > 0, 30_000);
    const newcomer = watching(etcd({ url: one.url }), "web");
    await newcomer.untilStates(["10.9.0.1:80 healthy"]);
    expect(newcomer.snapshots.every(({ trust }) => trust === "suspect")).toBe(true);
    expect(newcomer.errors.every((error) => error.class === "transient")).toBe(true);
    await Promise.all([two.restartOnly(), three.restartOnly()]);
    await newcomer.until("trust", () => newcomer.snapshots.at(-1)?.trust === "authoritative", 30_000);
    await one.put("web/b", "10.9.0.2:80");
    await Promise.all(
      [old, newcomer].map((web) => web.untilStates(["10.9.0.1:80 healthy", "10.9.0.2:80 healthy"], 30_000)),
    );
    expect(old.snapshots.every(({ trust }) => trust === "authoritative")).toBe(true);
  });
});
