import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { dns } from "../src/index.ts";
import { addresses, srv } from "./support/fake-dns.ts";
import { empty, nobody, server, watchSrv } from "./support/watched-names.ts";

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
    const watched = watchSrv(fake);
    await watched.untilAddresses(["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8081"]);
    const shown = watched.last?.endpoints
      .map(({ id, weight, priority }) => [id, weight, priority])
      .toSorted();
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
    const watched = watchSrv(fake, { family: "ipv4" });
    await watched.until("confirmations", () => watched.alives > 1);
    expect(new Set(fake.questions)).toEqual(new Set([`SRV ${service}`]));
  });

  it("asks for the addresses that a server sent along when their own time to live is over", async () => {
    const fake = await server(({ type, name: asked }) =>
      type === "SRV"
        ? {
            answers: srv(service, [{ target: "a.test", port: 1 }], 20),
            additionals: addresses("a.test", ["10.0.0.1"], 5),
          }
        : { answers: addresses(asked, ["10.0.0.2"], 60) },
    );
    const clock = new ManualClock();
    const source = dns({ servers: fake.address, name: "_http._tcp.{service}.test", family: "ipv4" });
    const watched = watching(source, "orders", { clock, random: () => 0 });
    await watched.untilAddresses(["10.0.0.1:1"]);
    await clock.advance(5000);
    await watched.untilAddresses(["10.0.0.2:1"]);
    // And once more over TCP, because an address went.
    expect(fake.questions).toEqual([`SRV ${service}`, "A a.test", "A a.test"]);
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
    const watched = watchSrv(fake);
    await watched.untilAddresses(["10.0.0.1:1"]);
    expect(watched.last?.skipped).toBe(2);
    targets = targets.slice(1);
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("none of its targets"),
    });
    expect(watched.snapshots).toHaveLength(1);
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
    const watched = watchSrv(fake);
    await watched.untilAddresses(["10.0.0.1:1", "10.0.0.2:1"]);
    isBroken = true;
    port = 2;
    await expect(watched.untilAddresses(["10.0.0.1:2", "10.0.0.2:2"])).resolves.toBeUndefined();
  });

  it("takes a target of . as a goodbye", async () => {
    const fake = await server(() => ({
      answers: srv(service, [{ target: "a.test", port: 1 }]),
      additionals: addresses("a.test", ["10.0.0.1"]),
    }));
    const watched = watchSrv(fake, { family: "ipv4" });
    await watched.untilAddresses(["10.0.0.1:1"]);
    fake.script = () => ({ answers: srv(service, [{ target: ".", port: 0 }]) });
    await watched.untilAddresses([]);
    expect(watched.last).toMatchObject({ kind: "bound", explicitRemovals: true });
  });

  it("calls over https what is registered under _https", async () => {
    const fake = await server(({ name: asked }) => ({
      answers: srv(asked, [{ target: "a.test", port: 1 }]),
      additionals: addresses("a.test", ["10.0.0.1"]),
    }));
    const watched = watchSrv(fake, { name: "_https._tcp.{service}.test", family: "ipv4" });
    await watched.untilAddresses(["10.0.0.1:1"]);
    expect(watched.last?.endpoints[0]?.scheme).toBe("https");
  });
});
