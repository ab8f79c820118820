import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { dns } from "../src/index.ts";
import { addresses, srv } from "./support/fake-dns.ts";
import { empty, name, nobody, quick, server, watch, watchSrv } from "./support/watched-names.ts";

async function file(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-dns-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "file");
  await writeFile(path, content);
  return path;
}

describe("what a name means", { timeout: 60_000 }, () => {
  it("is SRV records where it has some, else addresses, when neither record nor port is given", async () => {
    let hasSrv = false;
    const fake = await server(({ type }) => {
      if (type === "SRV") return hasSrv ? { answers: srv(name, [{ target: name, port: 8080 }]) } : nobody;
      return type === "A" ? { answers: addresses(name, ["10.0.0.1"]) } : empty;
    });
    const watched = watchSrv(fake, { name: "{service}.test" });
    await watched.untilAddresses(["10.0.0.1:80"]);
    hasSrv = true;
    fake.script = ({ type }) =>
      type === "SRV"
        ? {
            answers: srv(name, [{ target: "a.test", port: 8080 }]),
            additionals: addresses("a.test", ["10.0.0.9"]),
          }
        : empty;
    await expect(watched.untilAddresses(["10.0.0.9:8080"])).resolves.toBeUndefined();
  });

  it("is not looked for by address while it cannot be asked for by SRV", async () => {
    const fake = await server(({ type }) =>
      type === "SRV" ? { code: 2 } : type === "A" ? { answers: addresses(name, ["10.0.0.1"]) } : empty,
    );
    const watched = watchSrv(fake, { name: "{service}.test" });
    await watched.until("errors", () => watched.errors.length > 1);
    expect(watched.snapshots).toEqual([]);
    fake.script = () => ({
      answers: srv(name, [{ target: "a.test", port: 8080 }]),
      additionals: addresses("a.test", ["10.0.0.9"]),
    });
    await watched.untilAddresses(["10.0.0.9:8080"]);
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
    const watched = watching(source, "pay");
    await watched.untilAddresses(["10.0.0.9:8443"]);
    expect(watched.last?.endpoints[0]).toMatchObject({ scheme: "https" });
    const other = watching(source, "orders");
    await other.untilAddresses(["10.0.0.1:80"]);
  });

  it("is looked for in search domains, the one that was found last first", async () => {
    const fake = await server(({ name: asked, type }) => {
      if (asked !== "orders.b.test") return nobody;
      return type === "A" ? { answers: addresses(asked, ["10.0.0.1"]) } : empty;
    });
    const watched = watch(fake, { name: "{service}", search: ["a.test", "b.test"], family: "ipv4" });
    await watched.until("confirmations", () => watched.alives > 1);
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
    const watched = watch(fake, { name: "{service}", search: ["a.test", "b.test"], family: "ipv4" });
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.snapshots).toEqual([]);
  });

  it("comes from the system's files where no server is given: search domains, and hosts first", async () => {
    const resolvConf = await file("nameserver 127.0.0.1\nsearch x.test\n");
    const hostsFile = await file("10.0.0.7 orders\nfd00::7 orders\n");
    const watched = watching(dns({ resolvConf, hostsFile, family: "both", port: 80 }), "orders");
    await watched.untilAddresses(["10.0.0.7:80", "[fd00::7]:80"]);
    const only = watching(dns({ resolvConf, hostsFile, family: "ipv4" }), "orders");
    await only.untilAddresses(["10.0.0.7:80"]);
    expect(watched.errors).toEqual([]);
  });

  it("is asked for elsewhere as soon as resolv.conf names another server", async () => {
    const resolvConf = await file("nameserver 127.0.0.2\n");
    const watched = watching(dns({ resolvConf, hostsFile: false, ...quick, timeoutMs: 50 }), "orders");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]?.message).toContain("127.0.0.2:53");
    await writeFile(resolvConf, "nameserver 127.0.0.3\n");
    await watched.until("the other", () => watched.errors.at(-1)?.message.includes("127.0.0.3:53") === true);
  });
});
