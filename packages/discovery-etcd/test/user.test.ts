import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { eventually, watching } from "../../../test/support/watching.ts";
import { etcd } from "../src/index.ts";
import { FakeEtcd } from "./support/fake-etcd.ts";

let fake: FakeEtcd;

/** Without waiting for the back-off. */
const soon = { random: () => 0.01 };

beforeEach(async () => {
  fake = await FakeEtcd.start();
  fake.put("web/a", "10.0.0.1:80");
});

afterEach(() => fake.close());

describe("point 8, a user", { timeout: 30_000 }, () => {
  const user = { username: "app", password: "correct horse" };

  it("sends the token on everything, and fetches another when it is refused", async () => {
    const watched = watching(etcd({ url: fake.url, ...user }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(fake.seen[0]).toMatchObject({
      path: "/v3/auth/authenticate",
      body: { name: "app", password: "correct horse" },
      authorization: undefined,
    });
    expect(fake.seen.slice(1).map(({ authorization }) => authorization)).toEqual([
      "token-of-app.1",
      "token-of-app.1",
    ]);
    for (const refusal of [
      { code: 16, message: "etcdserver: invalid auth token" },
      {
        error: "etcdserver: revision of auth store is old",
        message: "etcdserver: revision of auth store is old",
        code: 3,
      },
    ]) {
      const status = refusal.code === 16 ? 401 : 400;
      fake.once((_, response) => void response.writeHead(status).end(JSON.stringify(refusal)));
      const watches = fake.count("/v3/watch");
      fake.cut();
      // eslint-disable-next-line no-await-in-loop -- one refusal after the other
      await eventually("another watch", () => fake.count("/v3/watch") > watches);
    }
    expect(fake.seen.at(-1)?.authorization).toBe("token-of-app.3");
    expect(watched.errors.map((error) => error.class)).toEqual(["transient", "transient"]);
  });

  it("whose watch is refused for its token fetches another without a word", async () => {
    fake.script = ({ path, authorization }, response) => {
      if (path !== "/v3/watch" || authorization !== "token-of-app.1") return false;
      response.writeHead(401).end('{"code":16,"message":"etcdserver: invalid auth token"}');
      return true;
    };
    const watched = watching(etcd({ url: fake.url, ...user }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    expect(watched.errors).toEqual([]);
  });

  it("whose request is not answered fetches another: a server that lost its data waits until it has come as far as the old one", async () => {
    const watched = watching(etcd({ url: fake.url, ...user, requestTimeoutMs: 300 }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.script = ({ path, authorization }) => path === "/v3/kv/range" && authorization === "token-of-app.1";
    fake.write("web/a", "10.0.0.2:80");
    fake.cut();
    await watched.untilAddresses(["10.0.0.2:80"]);
    expect(fake.count("/v3/auth/authenticate")).toBe(2);
  });

  it("whose request is not answered does without a token where access control is gone with the data", async () => {
    const watched = watching(etcd({ url: fake.url, ...user, requestTimeoutMs: 300 }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    fake.script = ({ path, authorization }, response) => {
      if (path !== "/v3/auth/authenticate") return authorization !== undefined;
      response.writeHead(400).end('{"code":9,"message":"etcdserver: authentication is not enabled"}');
      return true;
    };
    fake.write("web/a", "10.0.0.2:80");
    fake.cut();
    await watched.untilAddresses(["10.0.0.2:80"]);
    expect(fake.seen.at(-1)?.authorization).toBeUndefined();
  });

  it("whose request is not answered keeps the token where there is no other: a cluster without a quorum gives none", async () => {
    const watched = watching(etcd({ url: fake.url, ...user, requestTimeoutMs: 300 }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    let unanswered = 0;
    fake.script = ({ path }) =>
      path === "/v3/auth/authenticate" || (path === "/v3/kv/range" && unanswered++ === 0);
    fake.write("web/a", "10.0.0.2:80");
    fake.cut();
    await watched.untilAddresses(["10.0.0.2:80"]);
    expect(fake.count("/v3/auth/authenticate")).toBe(2);
    expect(fake.seen.at(-1)?.authorization).toBe("token-of-app.1");
  });

  it("fetches one token for any number of watches", async () => {
    const source = etcd({ url: fake.url, ...user });
    const watches = Array.from({ length: 20 }, (_, i) => watching(source, `s${i}`));
    await Promise.all(watches.map((one) => one.until("a list", () => one.snapshots.length === 1)));
    expect(fake.count("/v3/auth/authenticate")).toBe(1);
    await Promise.all(watches.map((one) => one.stop()));
    await eventually("all watches are let go", () => fake.watches.size === 0);
  });

  it("is told of the trouble without password or token in it, whoever quotes them", async () => {
    fake.script = ({ path, authorization, body }, response) => {
      if (path === "/v3/auth/authenticate" && fake.count(path) > 1) {
        response.writeHead(400).end(JSON.stringify({ code: 3, message: `bad: ${String(body["password"])}` }));
        return true;
      }
      if (path !== "/v3/kv/range") return false;
      response
        .writeHead(401)
        .end(JSON.stringify({ code: 16, message: `invalid auth token ${authorization}` }));
      return true;
    };
    const watched = watching(
      etcd({ url: fake.url, username: "app", password: "correct-horse-battery" }),
      "web",
      soon,
    );
    await watched.until("some errors", () => watched.errors.length >= 2);
    const said = JSON.stringify(watched.errors);
    expect(said).toContain("(token)");
    expect(said).not.toMatch(/correct-horse|token-of-app/);
  });

  it("does without a token where etcd says that there is no access control, until it is turned on", async () => {
    let isOn = false;
    fake.script = ({ path, authorization }, response) => {
      if (path === "/v3/auth/authenticate" && !isOn) {
        response.writeHead(400).end('{"code":9,"message":"etcdserver: authentication is not enabled"}');
        return true;
      }
      if (path === "/v3/auth/authenticate" || !isOn || authorization !== undefined) return false;
      response.writeHead(403).end('{"code":7,"message":"etcdserver: permission denied"}');
      return true;
    };
    const watched = watching(etcd({ url: fake.url, ...user }), "web", soon);
    await watched.untilAddresses(["10.0.0.1:80"]);
    isOn = true;
    fake.write("web/a", "10.0.0.2:80");
    fake.cut();
    await watched.untilAddresses(["10.0.0.2:80"]);
    expect(watched.errors.map((error) => error.class)).toEqual(["transient"]);
  });
});
