import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";

import { systemClock } from "@proxyless/core";
import { describe, expect, it, onTestFinished } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { FamilyRace } from "../src/family-race.ts";
import { dns } from "../src/index.ts";
import { addresses, FakeDns } from "./support/fake-dns.ts";

/** Nobody is there: on no network, or on one that answers nothing. */
const dead = "100::1";

async function listen(
  host: string,
  port = 0,
): Promise<{ server: Server; port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => undefined);
    socket.resume();
  });
  server.listen(port, host);
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  return {
    server,
    port: typeof address === "object" && address !== null ? address.port : 0,
    connections: () => connections,
  };
}

function context() {
  return { clock: systemClock, signal: new AbortController().signal };
}

describe("a race between families", { timeout: 30_000 }, () => {
  it("is won by the preferred one when both can be reached, and is run once", async () => {
    const six = await listen("::1");
    const four = await listen("127.0.0.1", six.port);
    const race = new FamilyRace();
    const contest = { host: "h", port: six.port, first: ["::1"], second: ["127.0.0.1"] };
    expect(await race.winner(contest, context())).toBe("first");
    expect(await race.winner(contest, context())).toBe("first");
    expect(
      await race.winner({ ...contest, host: "i", first: ["127.0.0.1"], second: ["::1"] }, context()),
    ).toBe("first");
    expect([six.connections(), four.connections()]).toEqual([1, 1]);
  });

  it("is won by the other one when the preferred one refuses or is silent", async () => {
    const { port } = await listen("127.0.0.1");
    for (const first of [["::1"], [dead], [dead, "::1"], ["fe80::1", "ff02::1"]]) {
      const contest = { host: "h", port, first, second: ["127.0.0.1"] };
      expect(await new FamilyRace().winner(contest, context())).toBe("second");
    }
  });

  it("is run again when somebody doubts its result, and the winner stays where nobody can be reached", async () => {
    const { port, server } = await listen("127.0.0.1");
    const race = new FamilyRace();
    const contest = { host: "h", port, first: ["::1"], second: ["127.0.0.1"] };
    expect(await race.winner(contest, context())).toBe("second");
    server.close();
    await once(server, "close");
    race.doubt();
    expect(await race.winner(contest, context())).toBe("second");
    await listen("::1", port);
    race.doubt();
    expect(await race.winner(contest, context())).toBe("first");
  });

  it("opens no connection to where none may lead", async () => {
    const contest = {
      host: "h",
      port: 80,
      first: ["fd00:ec2::254", "ff02::1"],
      second: ["169.254.169.254", "0.0.0.0"],
    };
    expect(await new FamilyRace().winner(contest, context())).toBe("first");
  });

  it("ends when its watch does", async () => {
    const abort = new AbortController();
    const contest = { host: "h", port: 9, first: [dead], second: [dead] };
    abort.abort(new Error("over"));
    const raced = new FamilyRace().winner(contest, { clock: systemClock, signal: abort.signal });
    await expect(raced).rejects.toThrow("over");
  });
});

describe("a name with addresses of both families", { timeout: 30_000 }, () => {
  it("is reached over the family that works, with the other one behind it", async () => {
    const { port } = await listen("127.0.0.1");
    const fake = await FakeDns.start(({ name, type }) => ({
      answers: addresses(name, ["::1", "127.0.0.1"]).filter((each) => each.type === type),
    }));
    onTestFinished(() => {
      fake.close();
    });
    const source = dns({
      servers: fake.address,
      name: "{service}.test",
      port,
      minRefreshMs: 50,
      maxRefreshMs: 50,
    });
    const watched = watching(source, "orders");
    await watched.until("a list", () => watched.snapshots.length > 0);
    const places = (): string[] =>
      (watched.last?.endpoints ?? []).map(({ host, priority }) => `${host} ${priority}`).toSorted();
    expect(places()).toEqual(["127.0.0.1 0", "::1 1"]);
    await listen("::1", port);
    watched.refresh("the other one is back");
    await watched.until("the preferred one", () => places().join() === "127.0.0.1 1,::1 0");
  });
});
