import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { nacos } from "../src/index.ts";
import { startServer, stored } from "./support/instances.ts";
import { timeout } from "./support/lists.ts";

describe("point 8, an account", { timeout }, () => {
  it.each([["v3"], ["v1"]] as const)(
    "logs in with the API %s, and again before its token ends",
    async (api) => {
      const clock = new ManualClock(Date.now());
      const server = await startServer({
        apis: [api],
        user: "me:s3cret-word",
        tokenTtl: 100,
        now: () => clock.wallNow(),
      });
      server.store.put(stored("a", 80));
      const source = nacos({ url: server.url, username: "me", password: "s3cret-word", intervalMs: 80_000 });
      const watched = watching(source, "a", { clock, random: () => 1 });
      await watched.until("a list", () => watched.states.length === 1);
      watched.refresh();
      await watched.until("alive", () => watched.log.length === 2);
      await clock.advance(80_000);
      await watched.until("alive", () => watched.log.length === 3);
      expect(server.accounts.logins).toBe(1);
      await clock.advance(10_000);
      watched.refresh();
      await watched.until("alive", () => watched.log.length === 4);
      expect(server.accounts.logins).toBe(2);
      expect(watched.errors).toEqual([]);
    },
  );

  it("logs in again when the server refuses its token, and nobody hears of it", async () => {
    const server = await startServer({ user: "me:s3cret-word" });
    server.store.put(stored("a", 80));
    const source = nacos({ url: server.url, username: "me", password: "s3cret-word" });
    const all = ["a", "b", "c"].map((name) => watching(source, name));
    for (const watched of all) {
      // eslint-disable-next-line no-await-in-loop -- three of them
      await watched.until("a list", () => watched.last !== undefined);
    }
    expect(server.accounts.logins).toBe(1);
    server.accounts.expireAll();
    for (const watched of all) watched.refresh();
    for (const watched of all) {
      // eslint-disable-next-line no-await-in-loop -- three of them
      await watched.until("alive", () => watched.log.at(-1) === "alive");
      expect(watched.errors).toEqual([]);
    }
  });

  it("goes on with the token it has while a login fails, until that ends", async () => {
    const clock = new ManualClock(Date.now());
    const server = await startServer({ user: "me:s3cret-word", tokenTtl: 100, now: () => clock.wallNow() });
    const account = { username: "me", password: "s3cret-word" };
    const source = nacos({ url: server.url, ...account, intervalMs: 600_000 });
    const watched = watching(source, "a", { clock, random: () => 1 });
    await watched.until("a list", () => watched.last !== undefined);
    server.script = (request, response) => {
      if (request.url?.includes("login") !== true) return false;
      response.writeHead(503).end();
      return true;
    };
    await clock.advance(91_000);
    const heard = watched.log.length;
    watched.refresh();
    await watched.until("alive", () => watched.log.length > heard);
    expect(watched.errors).toEqual([]);
    await clock.advance(10_000);
    watched.refresh();
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("login"),
    });
  });

  it("that is refused is said to be, without its password", async () => {
    const server = await startServer({ user: "me:right-word" });
    server.script = (request, response) => {
      if (request.url?.includes("login") !== true) return false;
      response.writeHead(403).end("unknown user! password=wr0ng-word");
      return true;
    };
    const source = nacos({ url: server.url, username: "me", password: "wr0ng-word" });
    const watched = watching(source, "a");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]).toMatchObject({
      class: "auth",
      message: expect.stringContaining("unknown user"),
    });
    expect(JSON.stringify(watched.errors) + source.key({ service: "a" })).not.toContain("wr0ng");
  });

  it("that was not given is missed by the server", async () => {
    const server = await startServer({ user: "me:right-word" });
    const watched = watching(nacos({ url: server.url }), "a");
    await watched.until("an error", () => watched.errors.length > 0);
    expect(watched.errors[0]?.class).toBe("auth");
    expect(server.accounts.logins).toBe(0);
  });
});
