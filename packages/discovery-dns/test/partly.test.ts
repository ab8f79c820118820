import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { withCache } from "@proxyless/core/discovery";
import { ManualClock } from "@proxyless/core/testing";
import type { Watching } from "@proxyless/core/testing";
import { describe, expect, it, onTestFinished } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { dns } from "../src/index.ts";
import { addresses, srv } from "./support/fake-dns.ts";
import type { Scripted } from "./support/fake-dns.ts";
import { empty, hosts, name, quick, server, watch, watchSrv } from "./support/watched-names.ts";

const service = "_http._tcp.orders.test";
const refusal: Scripted = { code: 5 };

/** Waits until the list was told several more times, always in trouble. */
async function staysInTrouble(watched: Watching): Promise<void> {
  const { alives, snapshots } = watched;
  const told = snapshots.length;
  await watched.until("more lists", () => snapshots.length > told + 2);
  expect(snapshots.slice(told).every(({ trouble }) => trouble?.class === "transient")).toBe(true);
  expect(watched.alives).toBe(alives);
}

/** Waits until nothing is the matter any more. */
async function getsWell(watched: Watching): Promise<void> {
  const { alives } = watched;
  await watched.until("a sign of health", () => watched.alives > alives);
}

describe("a list of which a part is not answered for", { timeout: 60_000 }, () => {
  it("counts, and is in trouble until all of it is answered for again: a target", async () => {
    let isBroken = false;
    let own = "10.0.0.1";
    const fake = await server(({ type, name: asked }) => {
      if (type === "SRV") {
        const targets = ["a.test", "b.test"].map((target) => ({ target, port: 1 }));
        return { answers: srv(service, targets) };
      }
      if (asked === "b.test" && isBroken) return refusal;
      return { answers: addresses(asked, [asked === "a.test" ? own : "10.0.0.9"]) };
    });
    const watched = watchSrv(fake, { family: "ipv4" });
    await watched.untilAddresses(["10.0.0.1:1", "10.0.0.9:1"]);
    isBroken = true;
    own = "10.0.0.2";
    await watched.untilAddresses(["10.0.0.2:1", "10.0.0.9:1"]);
    expect(watched.last?.trouble?.message).toMatch(/^A of b\.test: .* answered REFUSED$/);
    await staysInTrouble(watched);
    isBroken = false;
    await getsWell(watched);
    expect(watched.addresses).toEqual(["10.0.0.2:1", "10.0.0.9:1"]);
  });

  it("counts, and is in trouble until all of it is answered for again: the records themselves", async () => {
    let isBroken = false;
    let own = "10.0.0.1";
    const fake = await server(({ type }) => {
      if (type !== "SRV") return { answers: addresses("a.test", [own]) };
      return isBroken ? refusal : { answers: srv(service, [{ target: "a.test", port: 1 }]) };
    });
    const watched = watchSrv(fake, { family: "ipv4" });
    await watched.untilAddresses(["10.0.0.1:1"]);
    isBroken = true;
    own = "10.0.0.2";
    await watched.untilAddresses(["10.0.0.2:1"]);
    await staysInTrouble(watched);
    isBroken = false;
    await getsWell(watched);
    expect(watched.errors).toEqual([]);
  });

  it("counts, and is in trouble until all of it is answered for again: that a name has no SRV records", async () => {
    let isBroken = false;
    const fake = await server(({ type }) => {
      if (type !== "SRV") return { answers: addresses(name, ["10.0.0.1"]) };
      return isBroken ? refusal : empty;
    });
    const watched = watchSrv(fake, { name: "{service}.test", family: "ipv4" });
    await watched.untilAddresses(["10.0.0.1:80"]);
    isBroken = true;
    await watched.until("trouble", () => watched.last?.trouble !== undefined);
    await staysInTrouble(watched);
    isBroken = false;
    await getsWell(watched);
    expect(watched.errors).toEqual([]);
  });

  it("counts, and is in trouble until all of it is answered for again: a family whose addresses are in use", async () => {
    const fake = await server(hosts(["10.0.0.1", "fd00::1"]));
    const watched = watch(fake, { family: "both" });
    await watched.untilAddresses(["10.0.0.1:80", "[fd00::1]:80"]);
    fake.script = (asked) => (asked.type === "AAAA" ? refusal : hosts(["10.0.0.2"])(asked));
    await watched.untilAddresses(["10.0.0.2:80", "[fd00::1]:80"]);
    await staysInTrouble(watched);
    expect(watched.notices).toEqual([]);
    fake.script = hosts(["10.0.0.2", "fd00::2"]);
    await watched.untilAddresses(["10.0.0.2:80", "[fd00::2]:80"]);
    await getsWell(watched);
  });

  it("is in trouble too between the questions for a family whose addresses are in use, which come every 5 s", async () => {
    const clock = new ManualClock();
    let isBroken = false;
    const fake = await server((asked) => {
      if (asked.type === "AAAA" && isBroken) return refusal;
      return { answers: addresses(name, asked.type === "A" ? ["10.0.0.1"] : ["fd00::1"], 60) };
    });
    const source = dns({ servers: fake.address, name: "{service}.test", port: 80, family: "both" });
    const watched = watching(source, "orders", { clock, random: () => 0 });
    await watched.untilAddresses(["10.0.0.1:80", "[fd00::1]:80"]);
    isBroken = true;
    // After 30 s both are asked for; then AAAA alone after 1, 2, 4, 5 and 5 s.
    for (const [waitMs, questions] of [
      [30_000, 4],
      [1000, 5],
      [2000, 6],
      [4000, 7],
      [5000, 8],
      [5000, 9],
    ] as const) {
      const told = watched.snapshots.length;
      await clock.advance(waitMs);
      await watched.until("the list again", () => watched.snapshots.length > told);
      expect(watched.last?.trouble?.class).toBe("transient");
      expect(fake.asked).toHaveLength(questions);
    }
    expect([watched.alives, watched.errors]).toEqual([0, []]);
    isBroken = false;
    await clock.advance(5000);
    await watched.until("a sign of health", () => watched.alives === 1);
  });

  it("is not told as whole when nobody answers for one family and the other one has no addresses any more", async () => {
    const fake = await server((asked) => (asked.type === "AAAA" ? refusal : hosts(["10.0.0.1"])(asked)));
    const watched = watch(fake);
    await watched.until("confirmations", () => watched.alives > 2);
    fake.script = ({ type }) => (type === "AAAA" ? refusal : empty);
    await watched.until("errors", () => watched.errors.length > 3);
    expect(watched.snapshots).toHaveLength(1);
  });

  it("says which targets it never heard of, so that a disk goes on speaking for them alone", async () => {
    const directory = await mkdtemp(join(tmpdir(), "proxyless-dns-partly-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    let isBroken = false;
    let own = ["10.0.0.1", "10.0.0.2"];
    const fake = await server(({ type, name: asked }) => {
      if (type === "SRV") {
        const targets = ["a.test", "b.test"].map((target) => ({ target, port: 1 }));
        return { answers: srv(service, targets) };
      }
      if (asked === "b.test" && isBroken) return refusal;
      return { answers: addresses(asked, asked === "a.test" ? own : ["10.0.0.9"]) };
    });
    const process = (): Watching => {
      const { port: _, ...rest } = quick;
      const source = dns({
        servers: fake.address,
        ...rest,
        name: "_http._tcp.{service}.test",
        family: "ipv4",
      });
      return watching(withCache(source, { directory, coldStartWaitMs: 100 }), "orders");
    };
    const before = process();
    await before.untilAddresses(["10.0.0.1:1", "10.0.0.2:1", "10.0.0.9:1"]);
    await before.stop();
    isBroken = true;
    own = ["10.0.0.2", "10.0.0.3"];
    const after = process();
    // One of them went in between, and one is not answered for.
    await after.until("what counts", () => after.last?.trust === "authoritative");
    expect(after.last?.unheard).toEqual(["b.test:1/"]);
    expect(after.addresses).toEqual(["10.0.0.2:1", "10.0.0.3:1", "10.0.0.9:1"]);
    isBroken = false;
    await getsWell(after);
    expect(after.addresses).toEqual(["10.0.0.2:1", "10.0.0.3:1", "10.0.0.9:1"]);
  });
});
