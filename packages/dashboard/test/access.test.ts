import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { serve } from "./support/served.ts";

const token = "correct-horse-battery";
const bearer = { authorization: `Bearer ${token}` };

describe("who may look", () => {
  it.each([
    ["localhost:8080", 200],
    ["mesh.localhost", 200],
    ["127.0.0.1:1", 200],
    ["10.1.2.3", 200],
    ["[::1]:8080", 200],
    ["mesh.internal:8080", 200],
    ["a.b.corp", 200],
    ["corp", 403],
    ["evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost.evil.example", 403],
    ["evilcorp", 403],
    ["evil.example#localhost", 403],
  ])("answers to the host name %s with %d, against DNS rebinding", async (host, status) => {
    await using served = await serve({ allowedHosts: ["mesh.internal", "*.corp"] });
    for (const path of ["", "session"]) {
      expect((await served.ask(path, { headers: { host } })).status).toBe(status);
    }
  });

  it("is open and read-only without a token", async () => {
    await using served = await serve();
    expect((await served.ask("session")).body).toBe('{"needsToken":false,"isSignedIn":true}');
    const { body, status } = await served.ask("circuit?service=orders&mode=forced-open", {
      method: "POST",
      headers: { "x-requested-with": "test" },
    });
    expect([status, body]).toEqual([403, "read-only without a token\n"]);
    expect(served.mesh.inspect().services[0]?.circuits[0]?.mode).toBe("auto");
  });

  it.each([
    ["a bearer token", bearer],
    ["a password", { authorization: `Basic ${Buffer.from(`any:${token}`).toString("base64")}` }],
  ])("lets %s in, and nobody without", async (_, headers) => {
    await using served = await serve({ token });
    for (const path of ["events", "hystrix.stream"]) {
      expect((await served.ask(path)).status).toBe(401);
      expect((await served.ask(path, { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
      const stream = await served.open(path, headers);
      expect(stream.statusCode).toBe(200);
      stream.destroy();
    }
    // The page itself holds nothing: it has to be there to be signed in at.
    expect((await served.ask("")).status).toBe(200);
  });

  it("gives a cookie for the token, which ends after twelve hours or when signed out", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    await using served = await serve({ token, clock });
    expect((await served.ask("login", { method: "POST" })).status).toBe(403);
    const { headers, status } = await served.ask("login", { method: "POST", headers: bearer });
    expect(status).toBe(204);
    const [given = ""] = headers["set-cookie"] ?? [];
    expect(given).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(given).not.toContain(token);
    const cookie = given.split(";")[0] ?? "";
    const signedIn = async (shown: string): Promise<unknown> =>
      JSON.parse((await served.ask("session", { headers: { cookie: shown } })).body);
    expect(await signedIn(`other=1; ${cookie}`)).toMatchObject({ isSignedIn: true });
    const [name, end, signature] = cookie.split(/[=.]/);
    expect(await signedIn(`${name}=${Number(end) + 1}.${signature}`)).toMatchObject({ isSignedIn: false });
    expect(await signedIn(`${name}=${end}.`)).toMatchObject({ isSignedIn: false });
    await clock.advance(12 * 3_600_000);
    expect(await signedIn(cookie)).toMatchObject({ isSignedIn: false });
    const left = await served.ask("logout", { method: "POST", headers: { cookie } });
    expect(left.headers["set-cookie"]?.[0]).toContain("Max-Age=0");
  });

  it("believes nobody for a while after many wrong tokens", async () => {
    const clock = new ManualClock();
    await using served = await serve({ token, clock });
    for (let i = 0; i < 20; i++) {
      await served.ask("login", { method: "POST", headers: { authorization: `Bearer guess-${i}` } });
    }
    const tryAgain = async (): Promise<number> =>
      (await served.ask("login", { method: "POST", headers: bearer })).status;
    expect(await tryAgain()).toBe(403);
    await clock.advance(60_000);
    expect(await tryAgain()).toBe(204);
  });

  it("switches circuits for who knows the token, and tells what it will not", async () => {
    await using served = await serve({ token });
    const headers = { ...bearer, "x-requested-with": "test" };
    const operate = async (query: string, own: Readonly<Record<string, string>> = headers): Promise<number> =>
      (await served.ask(`circuit?${query}`, { method: "POST", headers: own })).status;
    const mode = (): unknown => served.mesh.inspect().services[0]?.circuits[0]?.mode;
    expect(await operate("service=orders&mode=forced-open", bearer)).toBe(403);
    expect(await operate("service=orders&mode=forced-open", { "x-requested-with": "test" })).toBe(401);
    expect(mode()).toBe("auto");
    expect(await operate("service=orders&mode=forced-open")).toBe(204);
    expect(mode()).toBe("forced-open");
    expect(await operate("service=orders&mode=sideways")).toBe(400);
    expect(await operate("service=nobody&mode=auto")).toBe(404);
    expect(await operate("service=orders&mode=auto&route=/none")).toBe(409);
    expect(served.mesh.inspect().services).toHaveLength(1);
  });

  it("opens no stream and does nothing for the pages of other sites", async () => {
    await using served = await serve({ token });
    for (const site of ["cross-site", "same-site"]) {
      const headers = { ...bearer, "sec-fetch-site": site, "x-requested-with": "x" };
      expect((await served.ask("events", { headers })).status).toBe(403);
      expect((await served.ask("login", { method: "POST", headers })).status).toBe(403);
      expect((await served.ask("circuit?service=orders&mode=auto", { method: "POST", headers })).status).toBe(
        403,
      );
      // A link to the page is no harm.
      expect((await served.ask("", { headers })).status).toBe(200);
    }
  });

  it("has room for so many who watch, and not for more", async () => {
    await using served = await serve({ maxWatchers: 2 });
    const first = await served.open("events");
    await served.open("hystrix.stream");
    expect(served.dashboard.watchers).toBe(2);
    expect((await served.ask("events")).status).toBe(503);
    first.destroy();
    await expect.poll(() => served.dashboard.watchers).toBe(1);
    expect((await served.open("events")).statusCode).toBe(200);
  });
});
