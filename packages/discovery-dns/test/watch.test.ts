import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { dns } from "../src/index.ts";
import { addresses, silence } from "./support/fake-dns.ts";
import type { Asked } from "./support/fake-dns.ts";
import { empty, hosts, name, nobody, quick, server, watch } from "./support/watched-names.ts";

describe("a watch on names", { timeout: 60_000 }, () => {
  it("asks for both families at once, and again when the time to live is over, not before", async () => {
    const fake = await server(({ type }) => ({
      answers: addresses(name, type === "A" ? ["10.0.0.1", "10.0.0.2"] : [], 10),
      negativeTtl: 10,
    }));
    const clock = new ManualClock();
    const source = dns({ servers: fake.address, name: "{service}.test", port: 81 });
    const watched = watching(source, "orders", { clock, random: () => 0.5 });
    await watched.untilAddresses(["10.0.0.1:81", "10.0.0.2:81"]);
    expect(fake.questions.toSorted()).toEqual([`A ${name}`, `AAAA ${name}`]);
    await clock.advance(9400);
    expect(fake.asked).toHaveLength(2);
    await clock.advance(200);
    await watched.until("a confirmation", () => watched.alives === 1);
    expect(fake.asked).toHaveLength(4);
    expect(watched.snapshots).toHaveLength(1);
    expect(watched.last?.endpoints[0]).toEqual({
      id: "10.0.0.1:81",
      host: "10.0.0.1",
      port: 81,
      weight: 1,
      priority: 0,
      health: "unknown",
      metadata: { "dns.name": name },
    });
  });

  it("looks at least every maxRefreshMs and at most every minRefreshMs, whatever the time to live", async () => {
    for (const [ttl, after] of [
      [600, 30_000],
      [0, 1000],
    ] as const) {
      const fake = await server(() => ({ answers: addresses(name, ["10.0.0.1"], ttl) }));
      const clock = new ManualClock();
      const source = dns({ servers: fake.address, name: "{service}.test", port: 81, family: "ipv4" });
      const watched = watching(source, "orders", { clock, random: () => 0 });
      await watched.until("a list", () => watched.snapshots.length === 1);
      await clock.advance(after - 1);
      expect(fake.asked).toHaveLength(1);
      await clock.advance(2);
      await watched.until("a confirmation", () => watched.alives === 1);
    }
  });

  it("tells a name that does not exist from one without addresses and from one nobody can say anything of", async () => {
    const fake = await server(() => nobody);
    const watched = watch(fake);
    await watched.until("absent", () => watched.last?.kind === "absent");
    fake.script = () => empty;
    await watched.until("empty", () => watched.last?.kind === "bound");
    expect(watched.last?.endpoints).toEqual([]);
    fake.script = hosts(["10.0.0.1"]);
    await watched.untilAddresses(["10.0.0.1:80"]);
    for (const [code, word] of [
      [2, "SERVFAIL"],
      [5, "REFUSED"],
    ] as const) {
      fake.script = () => ({ code });
      await watched.until(word, () => watched.errors.at(-1)?.message.includes(word) === true);
      expect(watched.errors.at(-1)).toMatchObject({ class: "transient" });
    }
    fake.script = () => silence;
    await watched.until(
      "silence",
      () => watched.errors.at(-1)?.message.includes("no answer within") === true,
    );
    // What cannot be asked for is not confirmed.
    const { alives, errors } = watched;
    const before = errors.length;
    await watched.until("more errors", () => errors.length > before + 1);
    expect(watched.alives).toBe(alives);
    expect(watched.addresses).toEqual(["10.0.0.1:80"]);
    expect(watched.snapshots).toHaveLength(3);
  });

  it("asks the next server when one is silent, refuses, fails or is not there, and stays with the one that answers", async () => {
    for (const trouble of [silence, { code: 2 }, { code: 5 }, "gone"] as const) {
      const bad = await server(() => (trouble === "gone" ? silence : trouble));
      const servers = [bad.address, (await server(hosts(["10.0.0.1"]))).address];
      if (trouble === "gone") servers[0] = "127.0.0.1:1";
      const watched = watch(bad, { servers, timeoutMs: 50 });
      await watched.until("confirmations", () => watched.alives > 1);
      expect(watched.errors).toEqual([]);
      // Both families were asked for at once.
      expect(bad.asked.length).toBeLessThanOrEqual(2);
    }
  });

  it("asks a silent server again, and believes what it says then", async () => {
    let asked = 0;
    const fake = await server((question) => (++asked <= 2 ? silence : hosts(["10.0.0.1"])(question)));
    const watched = watch(fake);
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.errors).toEqual([]);
  });

  it("passes over nonsense and forgeries, and takes the answer that comes after them", async () => {
    const forged = ({ bytes }: Asked): readonly Buffer[] => {
      const wrongId = Buffer.from(bytes);
      wrongId.writeUInt16BE(wrongId.readUInt16BE(0) ^ 0xff, 0);
      wrongId.writeUInt16BE(0x8000, 2);
      const cut = Buffer.from(bytes);
      cut.writeUInt16BE(0x8000, 2);
      cut.writeUInt16BE(9, 6);
      return [Buffer.from("nonsense"), Buffer.alloc(0), wrongId, cut];
    };
    const fake = await server((asked) => {
      const answer = hosts(["10.0.0.1"])(asked);
      return answer === silence ? answer : { ...answer, mangle: (bytes) => [...forged(asked), bytes] };
    });
    const watched = watch(fake);
    await watched.until("confirmations", () => watched.alives > 2);
    expect(watched.addresses).toEqual(["10.0.0.1:80"]);
    expect(watched.errors).toEqual([]);
  });

  it("says so when nothing but nonsense comes", async () => {
    const fake = await server(() => ({
      mangle: (bytes) => Buffer.concat([bytes.subarray(0, 6), Buffer.from([0, 9]), bytes.subarray(8)]),
    }));
    const watched = watch(fake, { timeoutMs: 50 });
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("answered nonsense"),
    });
  });

  it("asks over TCP where an answer is cut, or does not repeat the question's letters", async () => {
    for (const how of ["truncated", "recased"] as const) {
      const fake = await server((asked) => {
        const list = asked.over === "tcp" ? ["10.0.0.1", "10.0.0.2"] : ["6.6.6.6"];
        const answer = hosts(list)(asked);
        if (answer === silence || asked.over === "tcp") return answer;
        return how === "truncated"
          ? { ...answer, truncated: true }
          : {
              ...answer,
              mangle: (bytes) =>
                Buffer.concat([
                  bytes.subarray(0, 12),
                  Buffer.from(bytes.toString("latin1", 12).toLowerCase(), "latin1"),
                ]),
            };
      });
      const watched = watch(fake, { family: "ipv4" });
      await watched.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
      expect(watched.snapshots).toHaveLength(1);
    }
  });

  it("speaks to servers that know no EDNS, and only once with it", async () => {
    const fake = await server((asked) => (asked.hasEdns ? { code: 1 } : hosts(["10.0.0.1"])(asked)));
    const watched = watch(fake, { family: "ipv4" });
    await watched.until("confirmations", () => watched.alives > 1);
    expect(fake.asked.filter(({ hasEdns }) => hasEdns)).toHaveLength(1);
  });

  it("finds out where a server leaves records out over UDP without saying so, and asks over TCP from then on", async () => {
    const all = Array.from({ length: 8 }, (_, i) => `10.0.0.${i + 1}`);
    let turn = 0;
    const fake = await server((asked) => {
      // Three of all, others each time, as Consul's servers do.
      const some = Array.from({ length: 3 }, () => all[turn++ % all.length] ?? "");
      return hosts(asked.over === "tcp" ? all : some)(asked);
    });
    const watched = watch(fake, { family: "ipv4" });
    await watched.until("confirmations", () => watched.alives > 3);
    expect(watched.snapshots.map(({ endpoints }) => endpoints.length)).toEqual([8]);
    expect(fake.asked.filter(({ over }) => over === "udp")).toHaveLength(1);
  });

  it("takes no endpoint away on the word of UDP where TCP says otherwise", async () => {
    const fake = await server(hosts(["10.0.0.1", "10.0.0.2"]));
    const watched = watch(fake, { family: "ipv4" });
    await watched.until("a list", () => watched.snapshots.length === 1);
    fake.script = (asked) => hosts(asked.over === "tcp" ? ["10.0.0.1", "10.0.0.2"] : ["10.0.0.1"])(asked);
    const before = watched.alives;
    await watched.until("confirmations", () => watched.alives > before + 2);
    expect(watched.snapshots).toHaveLength(1);
    fake.script = hosts(["10.0.0.1"]);
    await watched.untilAddresses(["10.0.0.1:80"]);
  });

  it("believes UDP where there is no TCP to ask", async () => {
    const fake = await server(hosts(["10.0.0.1", "10.0.0.2"]));
    const watched = watch(fake, { family: "ipv4" });
    await watched.until("a list", () => watched.snapshots.length === 1);
    fake.script = (asked) => (asked.over === "tcp" ? silence : hosts(["10.0.0.2"])(asked));
    await watched.untilAddresses(["10.0.0.2:80"]);
    fake.script = (asked) => (asked.over === "tcp" ? silence : hosts(["10.0.0.3"])(asked));
    await watched.untilAddresses(["10.0.0.3:80"]);
    expect(watched.errors).toEqual([]);
    // Not asked again for a while after it was silent.
    expect(fake.asked.filter(({ over }) => over === "tcp").length).toBeLessThanOrEqual(2);
  });

  it("uses one family when nobody answers for the other, without waiting for it, says so once, and calls it no trouble", async () => {
    for (const trouble of [silence, { code: 2 }] as const) {
      const fake = await server((asked) => (asked.type === "AAAA" ? trouble : hosts(["10.0.0.1"])(asked)));
      const watched = watch(fake, { timeoutMs: 5000 });
      const begin = performance.now();
      await watched.untilAddresses(["10.0.0.1:80"]);
      expect(performance.now() - begin).toBeLessThan(4500);
      await watched.until("confirmations", () => watched.alives > 5);
      expect(watched.errors).toEqual([]);
      expect(watched.snapshots).toHaveLength(1);
      expect(watched.last?.trouble).toBeUndefined();
      expect(watched.notices).toMatchObject([
        { topic: "dns", message: expect.stringMatching(/^orders\.test has one family of addresses: /) },
      ]);
    }
  });

  it("finds a family that is answered for slowly, and waits for it from then on", async () => {
    const fake = await server((asked) => {
      const answer = hosts(["10.0.0.1", "fd00::1"])(asked);
      return answer === silence || asked.type === "A" ? answer : { ...answer, delayMs: 120 };
    });
    const watched = watch(fake, { family: "both", timeoutMs: 1000 });
    await expect(watched.untilAddresses(["10.0.0.1:80", "[fd00::1]:80"])).resolves.toBeUndefined();
  });

  it("follows aliases, also where a server gives only the first of them", async () => {
    const alias = { type: "CNAME" as const, name, ttl: 60, data: "real.test" };
    const fake = await server(({ name: asked, type }) => {
      if (type !== "A") return empty;
      return asked === name ? { answers: [alias] } : { answers: addresses("real.test", ["10.0.0.1"]) };
    });
    const watched = watch(fake, { family: "ipv4" });
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.script = () => ({ answers: [alias, { ...alias, name: "real.test", data: name }] });
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("in a circle"),
    });
  });

  it("asks at once when somebody doubts what is known", async () => {
    const fake = await server(() => ({ answers: addresses(name, ["10.0.0.1"], 3600) }));
    const source = dns({
      servers: fake.address,
      name: "{service}.test",
      port: 80,
      maxRefreshMs: 3_600_000,
      family: "ipv4",
    });
    const watched = watching(source, "orders");
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.script = hosts(["10.0.0.2"]);
    watched.refresh();
    await expect(watched.untilAddresses(["10.0.0.2:80"])).resolves.toBeUndefined();
  });

  it("is over at once when it is aborted, whatever it waits for", async () => {
    const fake = await server(() => silence);
    for (const wait of [0, 20]) {
      const watched = watching(dns({ servers: fake.address, ...quick, timeoutMs: 60_000 }), "orders");
      await new Promise((resolve) => {
        setTimeout(resolve, wait);
      });
      await watched.stop();
      expect(watched.errors).toEqual([]);
    }
  });

  it("keeps what a random part of the whole lacks, in a union window", async () => {
    const all = Array.from({ length: 4 }, (_, i) => `10.0.0.${i + 1}`);
    const random = seededRandom(9);
    const one = (): string => all[Math.floor(random() * 4)] ?? "";
    const fake = await server((asked) => hosts([one(), one()])(asked));
    const watched = watch(fake, { family: "ipv4", unionWindow: 30 });
    await watched.untilAddresses(all.map((each) => `${each}:80`));
    const told = watched.snapshots.length;
    const before = watched.alives;
    await watched.until("confirmations", () => watched.alives > before + 5);
    expect(watched.snapshots).toHaveLength(told);
  });

  it("refuses a service whose name is none in DNS", async () => {
    const fake = await server(() => empty);
    const watched = watching(dns({ servers: fake.address, ...quick }), "no name/at all");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({ class: "config" });
    expect(fake.asked).toEqual([]);
  });
});
