import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { describe, expect, it, onTestFinished } from "vitest";

import { dns } from "../src/index.ts";
import type { DnsOptions } from "../src/index.ts";
import { addresses, FakeDns, silence, srv } from "./support/fake-dns.ts";
import type { Asked, Script, Scripted } from "./support/fake-dns.ts";
import { watching } from "./support/watching.ts";
import type { Recorder } from "./support/watching.ts";

const name = "orders.test";
const quick = {
  name: "{service}.test",
  port: 80,
  minRefreshMs: 50,
  maxRefreshMs: 50,
  timeoutMs: 200,
} as const;
const nobody: Scripted = { code: 3, negativeTtl: 1 };
const empty: Scripted = { negativeTtl: 1 };

async function server(script: Script): Promise<FakeDns> {
  const fake = await FakeDns.start(script);
  onTestFinished(() => {
    fake.close();
  });
  return fake;
}

function watch(fake: FakeDns, options: DnsOptions = {}): Recorder {
  return watching(dns({ servers: fake.address, ...quick, ...options })).sink;
}

/** As {@link watch}, with the port that SRV records say. */
function watchSrv(fake: FakeDns, options: DnsOptions = {}): Recorder {
  const { port: _, ...rest } = quick;
  return watching(dns({ servers: fake.address, ...rest, name: "_http._tcp.{service}.test", ...options }))
    .sink;
}

/** Answers A and AAAA of the service's name. */
function hosts(list: readonly string[], more: Scripted = {}): Script {
  return ({ type, name: asked }) => {
    const own = addresses(name, list).filter((each) => each.type === type);
    return asked === name && own.length > 0 ? { answers: own, ...more } : empty;
  };
}

async function file(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-dns-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "file");
  await writeFile(path, content);
  return path;
}

describe("a watch on names", { timeout: 60_000 }, () => {
  it("asks for both families at once, and again when the time to live is over, not before", async () => {
    const fake = await server(({ type }) => ({
      answers: addresses(name, type === "A" ? ["10.0.0.1", "10.0.0.2"] : [], 10),
      negativeTtl: 10,
    }));
    const clock = new ManualClock();
    const source = dns({ servers: fake.address, name: "{service}.test", port: 81 });
    const { sink } = watching(source, { clock, random: () => 0.5 });
    await sink.untilAddresses(["10.0.0.1:81", "10.0.0.2:81"]);
    expect(fake.questions.toSorted()).toEqual([`A ${name}`, `AAAA ${name}`]);
    await clock.advance(9400);
    expect(fake.asked).toHaveLength(2);
    await clock.advance(200);
    await sink.until("a confirmation", () => sink.alives === 1);
    expect(fake.asked).toHaveLength(4);
    expect(sink.snapshots).toHaveLength(1);
    expect(sink.last?.endpoints[0]).toEqual({
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
      const { sink } = watching(source, { clock, random: () => 0 });
      await sink.until("a list", () => sink.snapshots.length === 1);
      await clock.advance(after - 1);
      expect(fake.asked).toHaveLength(1);
      await clock.advance(2);
      await sink.until("a confirmation", () => sink.alives === 1);
    }
  });

  it("tells a name that does not exist from one without addresses and from one nobody can say anything of", async () => {
    const fake = await server(() => nobody);
    const sink = watch(fake);
    await sink.until("absent", () => sink.last?.kind === "absent");
    fake.script = () => empty;
    await sink.until("empty", () => sink.last?.kind === "bound");
    expect(sink.last?.endpoints).toEqual([]);
    fake.script = hosts(["10.0.0.1"]);
    await sink.untilAddresses(["10.0.0.1:80"]);
    for (const [code, word] of [
      [2, "SERVFAIL"],
      [5, "REFUSED"],
    ] as const) {
      fake.script = () => ({ code });
      await sink.until(word, () => sink.errors.at(-1)?.message.includes(word) === true);
      expect(sink.errors.at(-1)).toMatchObject({ class: "transient" });
    }
    fake.script = () => silence;
    await sink.until("silence", () => sink.errors.at(-1)?.message.includes("no answer within") === true);
    // What cannot be asked for is not confirmed.
    const { alives, errors } = sink;
    const before = errors.length;
    await sink.until("more errors", () => errors.length > before + 1);
    expect(sink.alives).toBe(alives);
    expect(sink.addresses).toEqual(["10.0.0.1:80"]);
    expect(sink.snapshots).toHaveLength(3);
  });

  it("asks the next server when one is silent, refuses, fails or is not there, and stays with the one that answers", async () => {
    for (const trouble of [silence, { code: 2 }, { code: 5 }, "gone"] as const) {
      const bad = await server(() => (trouble === "gone" ? silence : trouble));
      const servers = [bad.address, (await server(hosts(["10.0.0.1"]))).address];
      if (trouble === "gone") servers[0] = "127.0.0.1:1";
      const sink = watch(bad, { servers, timeoutMs: 50 });
      await sink.until("confirmations", () => sink.alives > 1);
      expect(sink.errors).toEqual([]);
      // Both families were asked for at once.
      expect(bad.asked.length).toBeLessThanOrEqual(2);
    }
  });

  it("asks a silent server again, and believes what it says then", async () => {
    let asked = 0;
    const fake = await server((question) => (++asked <= 2 ? silence : hosts(["10.0.0.1"])(question)));
    const sink = watch(fake);
    await sink.untilAddresses(["10.0.0.1:80"]);
    expect(sink.errors).toEqual([]);
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
    const sink = watch(fake);
    await sink.until("confirmations", () => sink.alives > 2);
    expect(sink.addresses).toEqual(["10.0.0.1:80"]);
    expect(sink.errors).toEqual([]);
  });

  it("says so when nothing but nonsense comes", async () => {
    const fake = await server(() => ({
      mangle: (bytes) => Buffer.concat([bytes.subarray(0, 6), Buffer.from([0, 9]), bytes.subarray(8)]),
    }));
    const sink = watch(fake, { timeoutMs: 50 });
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({
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
      const sink = watch(fake, { family: "ipv4" });
      await sink.untilAddresses(["10.0.0.1:80", "10.0.0.2:80"]);
      expect(sink.snapshots).toHaveLength(1);
    }
  });

  it("speaks to servers that know no EDNS, and only once with it", async () => {
    const fake = await server((asked) => (asked.hasEdns ? { code: 1 } : hosts(["10.0.0.1"])(asked)));
    const sink = watch(fake, { family: "ipv4" });
    await sink.until("confirmations", () => sink.alives > 1);
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
    const sink = watch(fake, { family: "ipv4" });
    await sink.until("confirmations", () => sink.alives > 3);
    expect(sink.snapshots.map(({ endpoints }) => endpoints.length)).toEqual([8]);
    expect(fake.asked.filter(({ over }) => over === "udp")).toHaveLength(1);
  });

  it("takes no endpoint away on the word of UDP where TCP says otherwise", async () => {
    const fake = await server(hosts(["10.0.0.1", "10.0.0.2"]));
    const sink = watch(fake, { family: "ipv4" });
    await sink.until("a list", () => sink.snapshots.length === 1);
    fake.script = (asked) => hosts(asked.over === "tcp" ? ["10.0.0.1", "10.0.0.2"] : ["10.0.0.1"])(asked);
    const before = sink.alives;
    await sink.until("confirmations", () => sink.alives > before + 2);
    expect(sink.snapshots).toHaveLength(1);
    fake.script = hosts(["10.0.0.1"]);
    await sink.untilAddresses(["10.0.0.1:80"]);
  });

  it("believes UDP where there is no TCP to ask", async () => {
    const fake = await server(hosts(["10.0.0.1", "10.0.0.2"]));
    const sink = watch(fake, { family: "ipv4" });
    await sink.until("a list", () => sink.snapshots.length === 1);
    fake.script = (asked) => (asked.over === "tcp" ? silence : hosts(["10.0.0.2"])(asked));
    await sink.untilAddresses(["10.0.0.2:80"]);
    fake.script = (asked) => (asked.over === "tcp" ? silence : hosts(["10.0.0.3"])(asked));
    await sink.untilAddresses(["10.0.0.3:80"]);
    expect(sink.errors).toEqual([]);
    // Not asked again for a while after it was silent.
    expect(fake.asked.filter(({ over }) => over === "tcp").length).toBeLessThanOrEqual(2);
  });

  it("uses one family when nobody answers for the other, without waiting for it, and says so once", async () => {
    for (const trouble of [silence, { code: 2 }] as const) {
      const fake = await server((asked) => (asked.type === "AAAA" ? trouble : hosts(["10.0.0.1"])(asked)));
      const sink = watch(fake, { timeoutMs: 5000 });
      const begin = performance.now();
      await sink.untilAddresses(["10.0.0.1:80"]);
      expect(performance.now() - begin).toBeLessThan(4500);
      await sink.until("confirmations", () => sink.alives > 5);
      expect(sink.errors).toHaveLength(1);
      expect(sink.snapshots).toHaveLength(1);
    }
  });

  it("keeps the addresses of a family that is not answered for any more", async () => {
    const fake = await server(hosts(["10.0.0.1", "fd00::1"]));
    const sink = watch(fake, { family: "both", timeoutMs: 100 });
    await sink.untilAddresses(["10.0.0.1:80", "fd00::1:80"]);
    fake.script = (asked) => (asked.type === "AAAA" ? { code: 2 } : hosts(["10.0.0.2"])(asked));
    await sink.untilAddresses(["10.0.0.2:80", "fd00::1:80"]);
    fake.script = hosts(["10.0.0.2", "fd00::2"]);
    await expect(sink.untilAddresses(["10.0.0.2:80", "fd00::2:80"])).resolves.toBeUndefined();
  });

  it("finds a family that is answered for slowly, and waits for it from then on", async () => {
    const fake = await server((asked) => {
      const answer = hosts(["10.0.0.1", "fd00::1"])(asked);
      return answer === silence || asked.type === "A" ? answer : { ...answer, delayMs: 120 };
    });
    const sink = watch(fake, { family: "both", timeoutMs: 1000 });
    await expect(sink.untilAddresses(["10.0.0.1:80", "fd00::1:80"])).resolves.toBeUndefined();
  });

  it("follows aliases, also where a server gives only the first of them", async () => {
    const alias = { type: "CNAME" as const, name, ttl: 60, data: "real.test" };
    const fake = await server(({ name: asked, type }) => {
      if (type !== "A") return empty;
      return asked === name ? { answers: [alias] } : { answers: addresses("real.test", ["10.0.0.1"]) };
    });
    const sink = watch(fake, { family: "ipv4" });
    await sink.untilAddresses(["10.0.0.1:80"]);
    fake.script = () => ({ answers: [alias, { ...alias, name: "real.test", data: name }] });
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({ class: "data", message: expect.stringContaining("in a circle") });
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
    const { sink, handle } = watching(source);
    await sink.untilAddresses(["10.0.0.1:80"]);
    fake.script = hosts(["10.0.0.2"]);
    handle.refresh?.("test");
    await expect(sink.untilAddresses(["10.0.0.2:80"])).resolves.toBeUndefined();
  });

  it("is over at once when it is aborted, whatever it waits for", async () => {
    const fake = await server(() => silence);
    for (const wait of [0, 20]) {
      const watched = watching(dns({ servers: fake.address, ...quick, timeoutMs: 60_000 }));
      await new Promise((resolve) => {
        setTimeout(resolve, wait);
      });
      await watched.stop();
      expect(watched.sink.errors).toEqual([]);
    }
  });

  it("keeps what a random part of the whole lacks, in a union window", async () => {
    const all = Array.from({ length: 4 }, (_, i) => `10.0.0.${i + 1}`);
    const random = seededRandom(9);
    const one = (): string => all[Math.floor(random() * 4)] ?? "";
    const fake = await server((asked) => hosts([one(), one()])(asked));
    const sink = watch(fake, { family: "ipv4", unionWindow: 30 });
    await sink.untilAddresses(all.map((each) => `${each}:80`));
    const told = sink.snapshots.length;
    const before = sink.alives;
    await sink.until("confirmations", () => sink.alives > before + 5);
    expect(sink.snapshots).toHaveLength(told);
  });

  it("refuses a service whose name is none in DNS", async () => {
    const fake = await server(() => empty);
    const { sink } = watching(dns({ servers: fake.address, ...quick }), { service: "no name/at all" });
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({ class: "config" });
    expect(fake.asked).toEqual([]);
  });
});

describe("a watch on SRV records", { timeout: 60_000 }, () => {
  const service = "_http._tcp.orders.test";

  it("gives port, priority and weight, and divides the weight between a target's addresses", async () => {
    const fake = await server(({ type, name: asked }) => {
      if (type === "SRV") {
        return {
          answers: srv(service, [
            { target: "A.test", port: 8080, priority: 0, weight: 6 },
            { target: "b.test", port: 8081, priority: 10, weight: 0 },
          ]),
        };
      }
      if (type === "AAAA") return empty;
      return { answers: addresses(asked, asked === "a.test" ? ["10.0.0.1", "10.0.0.2"] : ["10.0.0.3"]) };
    });
    const sink = watchSrv(fake);
    await sink.untilAddresses(["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8081"]);
    const shown = sink.last?.endpoints.map(({ id, weight, priority }) => [id, weight, priority]).toSorted();
    expect(shown).toEqual([
      ["a.test:8080/10.0.0.1", 3, 0],
      ["a.test:8080/10.0.0.2", 3, 0],
      ["b.test:8081/10.0.0.3", 1, 10],
    ]);
  });

  it("uses the addresses that a server sends along, and asks for none of them", async () => {
    const fake = await server(() => ({
      answers: srv(service, [{ target: "a.test", port: 1 }]),
      additionals: addresses("a.test", ["10.0.0.1"]),
    }));
    const sink = watchSrv(fake, { family: "ipv4" });
    await sink.until("confirmations", () => sink.alives > 1);
    expect(new Set(fake.questions)).toEqual(new Set([`SRV ${service}`]));
  });

  it("leaves out targets without address or port, and refuses a list of nothing else", async () => {
    let targets = [
      { target: "a.test", port: 1 },
      { target: "gone.test", port: 2 },
      { target: "a.test", port: 0 },
    ];
    const fake = await server(({ type, name: asked }) => {
      if (type === "SRV") return { answers: srv(service, targets) };
      return asked === "a.test" && type === "A" ? { answers: addresses(asked, ["10.0.0.1"]) } : nobody;
    });
    const sink = watchSrv(fake);
    await sink.untilAddresses(["10.0.0.1:1"]);
    expect(sink.last?.skipped).toBe(2);
    targets = targets.slice(1);
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("none of its targets"),
    });
    expect(sink.snapshots).toHaveLength(1);
  });

  it("keeps the addresses of a target that cannot be asked for any more", async () => {
    let isBroken = false;
    let port = 1;
    const fake = await server(({ type, name: asked }) => {
      if (type === "SRV")
        return {
          answers: srv(service, [
            { target: "a.test", port },
            { target: "b.test", port },
          ]),
        };
      if (type === "AAAA") return empty;
      if (isBroken && asked === "b.test") return { code: 2 };
      return { answers: addresses(asked, [asked === "a.test" ? "10.0.0.1" : "10.0.0.2"]) };
    });
    const sink = watchSrv(fake);
    await sink.untilAddresses(["10.0.0.1:1", "10.0.0.2:1"]);
    isBroken = true;
    port = 2;
    await expect(sink.untilAddresses(["10.0.0.1:2", "10.0.0.2:2"])).resolves.toBeUndefined();
  });

  it("takes a target of . as a goodbye", async () => {
    const fake = await server(() => ({
      answers: srv(service, [{ target: "a.test", port: 1 }]),
      additionals: addresses("a.test", ["10.0.0.1"]),
    }));
    const sink = watchSrv(fake, { family: "ipv4" });
    await sink.untilAddresses(["10.0.0.1:1"]);
    fake.script = () => ({ answers: srv(service, [{ target: ".", port: 0 }]) });
    await sink.untilAddresses([]);
    expect(sink.last).toMatchObject({ kind: "bound", explicitRemovals: true });
  });

  it("calls over https what is registered under _https", async () => {
    const fake = await server(({ name: asked }) => ({
      answers: srv(asked, [{ target: "a.test", port: 1 }]),
      additionals: addresses("a.test", ["10.0.0.1"]),
    }));
    const sink = watchSrv(fake, { name: "_https._tcp.{service}.test", family: "ipv4" });
    await sink.untilAddresses(["10.0.0.1:1"]);
    expect(sink.last?.endpoints[0]?.scheme).toBe("https");
  });
});

describe("what a name means", { timeout: 60_000 }, () => {
  it("is SRV records where it has some, else addresses, when neither record nor port is given", async () => {
    let hasSrv = false;
    const fake = await server(({ type }) => {
      if (type === "SRV") return hasSrv ? { answers: srv(name, [{ target: name, port: 8080 }]) } : nobody;
      return type === "A" ? { answers: addresses(name, ["10.0.0.1"]) } : empty;
    });
    const sink = watchSrv(fake, { name: "{service}.test" });
    await sink.untilAddresses(["10.0.0.1:80"]);
    hasSrv = true;
    fake.script = ({ type }) =>
      type === "SRV"
        ? {
            answers: srv(name, [{ target: "a.test", port: 8080 }]),
            additionals: addresses("a.test", ["10.0.0.9"]),
          }
        : empty;
    await expect(sink.untilAddresses(["10.0.0.9:8080"])).resolves.toBeUndefined();
  });

  it("is not looked for by address while it cannot be asked for by SRV", async () => {
    const fake = await server(({ type }) =>
      type === "SRV" ? { code: 2 } : type === "A" ? { answers: addresses(name, ["10.0.0.1"]) } : empty,
    );
    const sink = watchSrv(fake, { name: "{service}.test" });
    await sink.until("errors", () => sink.errors.length > 1);
    expect(sink.snapshots).toEqual([]);
    fake.script = () => ({
      answers: srv(name, [{ target: "a.test", port: 8080 }]),
      additionals: addresses("a.test", ["10.0.0.9"]),
    });
    await sink.untilAddresses(["10.0.0.9:8080"]);
  });

  it("may be another for some services", async () => {
    const fake = await server(({ name: asked, type }) =>
      type === "A"
        ? { answers: addresses(asked, [asked === "special.example" ? "10.0.0.9" : "10.0.0.1"]) }
        : empty,
    );
    const source = dns({
      servers: fake.address,
      ...quick,
      services: { pay: { name: "special.example", port: 8443, scheme: "https" } },
    });
    const { sink } = watching(source, { service: "pay" });
    await sink.untilAddresses(["10.0.0.9:8443"]);
    expect(sink.last?.endpoints[0]).toMatchObject({ scheme: "https" });
    const other = watching(source).sink;
    await other.untilAddresses(["10.0.0.1:80"]);
  });

  it("is looked for in search domains, the one that was found last first", async () => {
    const fake = await server(({ name: asked, type }) => {
      if (asked !== "orders.b.test") return nobody;
      return type === "A" ? { answers: addresses(asked, ["10.0.0.1"]) } : empty;
    });
    const sink = watch(fake, { name: "{service}", search: ["a.test", "b.test"], family: "ipv4" });
    await sink.until("confirmations", () => sink.alives > 1);
    expect(fake.questions.slice(0, 4)).toEqual([
      "A orders.a.test",
      "A orders.b.test",
      "A orders.b.test",
      "A orders.b.test",
    ]);
  });

  it("is not looked for in the next domain when the one before cannot be asked", async () => {
    const fake = await server(({ name: asked }) =>
      asked === "orders.a.test" ? { code: 2 } : { answers: addresses(asked, ["6.6.6.6"]) },
    );
    const sink = watch(fake, { name: "{service}", search: ["a.test", "b.test"], family: "ipv4" });
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.snapshots).toEqual([]);
  });

  it("comes from the system's files where no server is given: search domains, and hosts first", async () => {
    const resolvConf = await file("nameserver 127.0.0.1\nsearch x.test\n");
    const hostsFile = await file("10.0.0.7 orders\nfd00::7 orders\n");
    const { sink } = watching(dns({ resolvConf, hostsFile, family: "both", port: 80 }));
    await sink.untilAddresses(["10.0.0.7:80", "fd00::7:80"]);
    const only = watching(dns({ resolvConf, hostsFile, family: "ipv4" })).sink;
    await only.untilAddresses(["10.0.0.7:80"]);
    expect(sink.errors).toEqual([]);
  });

  it("is asked for elsewhere as soon as resolv.conf names another server", async () => {
    const resolvConf = await file("nameserver 127.0.0.2\n");
    const { sink } = watching(dns({ resolvConf, hostsFile: false, ...quick, timeoutMs: 50 }));
    await sink.until("an error", () => sink.errors.length > 0);
    expect(sink.errors[0]?.message).toContain("127.0.0.2:53");
    await writeFile(resolvConf, "nameserver 127.0.0.3\n");
    await sink.until("the other", () => sink.errors.at(-1)?.message.includes("127.0.0.3:53") === true);
  });
});
