import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ManualClock } from "@proxyless/core/testing";
import type { Watching, WatchingOptions } from "@proxyless/core/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { watchConsul } from "../../../test/consul/watch.ts";
import { eventually } from "../../../test/support/watching.ts";
import type { ConsulOptions } from "../src/index.ts";
import { entry, FakeConsul } from "./support/fake-consul.ts";
import type { Script } from "./support/fake-consul.ts";

let fake: FakeConsul;
let watches: Watching[];

beforeEach(async () => {
  fake = await FakeConsul.start();
  fake.put("web", [entry("a")]);
  watches = [];
});

afterEach(async () => {
  await Promise.all(watches.map((each) => each.stop()));
  await fake.close();
});

function watch(options: Partial<ConsulOptions> = {}, more: WatchingOptions = {}): Watching {
  const made = watchConsul({ url: fake.url, ...options }, "web", { random: () => 0.01, ...more });
  watches.push(made);
  return made;
}

/** Lets a watch settle on one endpoint, then answers its long poll with `script`. */
async function afterGoodList(script: Script, options: Partial<ConsulOptions> = {}): Promise<Watching> {
  const made = watch(options);
  await made.until("the good list", () => made.snapshots.length === 1);
  await eventually("a long poll", () => fake.waiting === 1);
  fake.once(script);
  made.refresh();
  await made.until("an error", () => made.errors.length === 1);
  return made;
}

describe("a watch in trouble", { timeout: 30_000 }, () => {
  const answers: readonly [string, string, RegExp, Script][] = [
    ["garbage", "data", /no JSON/, (_, res) => fake.answer(res, "<html>nope</html>")],
    ["JSON that is cut off", "data", /no JSON/, (_, res) => fake.answer(res, '[{"Node":{')],
    ["JSON that is no list", "data", /no list/, (_, res) => fake.answer(res, '{"a":1}')],
    ["a list of rubbish only", "data", /none of 2 entries/, (_, res) => fake.answer(res, '[1,{"Node":{}}]')],
    [
      "an answer that is too long",
      "data",
      /longer than 2048/,
      (_, res) => fake.answer(res, " ".repeat(4096)),
    ],
    ["500", "transient", /500 "No cluster leader"/, status(500, "No cluster leader")],
    ["503", "transient", /503/, status(503, "")],
    ["429", "transient", /429/, status(429, "slow down")],
    ["403", "auth", /403 "ACL not found"/, status(403, "ACL not found")],
    [
      "a bad filter",
      "config",
      /Failed to create/,
      status(500, "Failed to create boolean expression evaluator"),
    ],
    ["an unknown datacenter", "config", /No path/, status(500, "No path to datacenter")],
    ["400", "config", /400/, status(400, "Invalid index")],
    ["404", "config", /404/, status(404, "page not found")],
    ["a redirect", "config", /302/, (_, res) => void res.writeHead(302, { location: "http://x" }).end()],
    [
      "a body that breaks off",
      "transient",
      /broke off/,
      (_, res) => {
        res.writeHead(200, { "content-length": "500" }).write('[{"Node"');
        setTimeout(() => res.destroy(), 10);
      },
    ],
  ];

  it.each(answers)("says what is wrong with %s and keeps on asking", async (_, kind, message, script) => {
    const watched = await afterGoodList(script, { maxBodyBytes: 2048 });
    expect(watched.errors[0]).toMatchObject({ class: kind, message: expect.stringMatching(message) });
    expect(watched.snapshots).toHaveLength(1);
    fake.put("web", [entry("b")]);
    await watched.until("the next list", () => watched.states[0] === "b healthy");
  });

  it("never takes the index of an answer that is not 200", async () => {
    const watched = await afterGoodList((_, res) => {
      res.writeHead(500, { "x-consul-index": "1" }).end("rpc error making call: EOF");
    });
    await watched.until("a confirmation", () => watched.ages.length > 0);
    const asked = fake.seen.map(({ query }) => query.get("index"));
    expect(asked.slice(0, 4)).toEqual([null, "11", null, null]);
    expect(asked).not.toContain("1");
  });

  it("waits as long as Retry-After says, and says so", async () => {
    const clock = new ManualClock();
    const watched = watch({}, { clock });
    fake.once((_, res) => void res.writeHead(429, { "retry-after": "20" }).end());
    await watched.until("the error", () => watched.errors.length === 1);
    expect(watched.errors[0]?.retryAfterMs).toBe(20_000);
    await clock.advance(19_000);
    expect(fake.seen).toHaveLength(1);
    await clock.advance(1100);
    await watched.until("the list", () => watched.snapshots.length === 1);
  });

  it("backs off from a server that fails, and forgets only after it was well for a while", async () => {
    const clock = new ManualClock();
    fake.script = status(500, "no");
    const watched = watch({}, { clock, random: () => 0.999 });
    for (let minute = 0; minute < 10; minute++) {
      for (let i = 0; i < 60; i++) {
        // eslint-disable-next-line no-await-in-loop -- time moves in steps, each long enough for an answer
        await clock.advance(1000);
      }
      // eslint-disable-next-line no-await-in-loop -- real sockets need real time between
      await eventually("an answer", () => watched.errors.length >= fake.seen.length);
    }
    expect(fake.seen.length).toBeGreaterThan(10);
    expect(fake.seen.length).toBeLessThan(40);
  });

  it("notices a server that accepts and says nothing, by its own deadline", async () => {
    const clock = new ManualClock();
    fake.script = () => undefined;
    const watched = watch({ requestTimeoutMs: 3000 }, { clock });
    await eventually("a request", () => fake.seen.length === 1);
    await clock.advance(3000);
    await watched.until("the error", () => watched.errors.length === 1);
    expect(watched.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("within 3000 ms"),
    });
  });

  it("notices a half-open connection in the middle of a long poll after 17/16 of the wait plus 10 s", async () => {
    const clock = new ManualClock();
    const watched = watch({ waitMs: 16_000 }, { clock });
    await eventually("a long poll", () => fake.waiting === 1);
    await clock.advance(26_900);
    expect(watched.errors).toHaveLength(0);
    await clock.advance(200);
    await watched.until("the error", () => watched.errors.length === 1);
    await clock.advance(100);
    await watched.until("a confirmation on a new connection", () => watched.ages.length === 1);
  });

  it("says data when the other side speaks something else than HTTP", async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.end("SSH-2.0-OpenSSH_9.2\r\n");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const watched = watch({ url: `http://127.0.0.1:${port}` });
    await watched.until("the error", () => watched.errors.length > 0);
    expect(watched.errors[0]?.class).toBe("data");
    server.close();
  });

  it("asks the next address when one fails, and stays there", async () => {
    const dead = await FakeConsul.start();
    const { url } = dead;
    await dead.close();
    const clock = new ManualClock();
    const watched = watch({ url: [url, fake.url] }, { clock });
    await watched.until("the list, without any wait", () => watched.snapshots.length === 1);
    expect(watched.log).toEqual(["error transient", "snapshot bound authoritative 1"]);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.put("web", [entry("b")]);
    await watched.until("the change", () => watched.states[0] === "b healthy");
    expect(watched.errors).toHaveLength(1);
  });

  it("asks a server without a leader again and again, and removes nothing on its word", async () => {
    const clock = new ManualClock();
    fake.headers["x-consul-knownleader"] = "false";
    const watched = watch({}, { clock });
    await watched.until("a list", () => watched.snapshots.length === 1);
    expect(watched.log).toEqual(["snapshot bound suspect 1", "error transient"]);
    fake.headers["x-consul-knownleader"] = "true";
    await clock.advance(1600);
    await watched.until("a trusted list", () => watched.last?.trust === "authoritative");
    await eventually("a long poll", () => fake.waiting === 1);
  });

  it("asks the other addresses when a server has no leader, each once before it waits", async () => {
    const other = await FakeConsul.start();
    onTestFinished(() => other.close());
    other.put("web", [entry("a"), entry("b")]);
    for (const { headers } of [fake, other]) headers["x-consul-knownleader"] = "false";
    const clock = new ManualClock();
    const watched = watch({ url: [fake.url, other.url] }, { clock });
    await watched.until("both lists", () => watched.snapshots.length === 2);
    await clock.advance(400);
    expect([fake.seen.length, other.seen.length]).toEqual([1, 1]);
    other.headers["x-consul-knownleader"] = "true";
    await clock.advance(1200);
    await watched.until("a list of the side that has one", () => watched.last?.trust === "authoritative");
    expect(watched.states).toEqual(["a healthy", "b healthy"]);
    await eventually("a long poll there", () => other.waiting === 1);
    expect([fake.seen.length, other.seen.length]).toEqual([2, 3]);
  });

  it("reads no answer of a registry as a crash", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.constantFrom(200, 204, 404, 500, 599), async (body, code) => {
        const made = watch();
        fake.script = (_, res) =>
          void res.writeHead(code, { "x-consul-index": body.slice(0, 5).trim() }).end(body);
        await made.until("anything", () => made.log.length > 0);
        expect(made.snapshots.every(({ endpoints }) => endpoints.length === 0)).toBe(true);
        await made.stop();
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});

describe("point 8, access rules", { timeout: 30_000 }, () => {
  it("does not believe an empty list that Consul says it filtered", async () => {
    const watched = await afterGoodList((_, res) => {
      fake.answer(res, "[]", { "x-consul-results-filtered-by-acls": "true" });
    });
    expect(watched.log.slice(1, 3)).toEqual(["snapshot absent suspect 0", "error auth"]);
    expect(watched.errors[0]?.message).toMatch(/service:read and node:read/);
  });

  it("does not believe an empty list for nobody where the default is to deny", async () => {
    const watched = await afterGoodList((_, res) => {
      // Nor can this agent be asked what the token may read.
      fake.once((_request, response) => void response.writeHead(404).end());
      fake.answer(res, "[]", { "x-consul-default-acl-policy": "deny" });
    });
    expect(watched.last?.trust).toBe("suspect");
  });

  it("asks an older agent, which says nothing, whether the token may read", async () => {
    fake.put("web", []);
    let allow = false;
    fake.script = ({ path }, res) => {
      if (path !== "/v1/internal/acl/authorize") return false;
      res.writeHead(200).end(JSON.stringify([{ Resource: "service", Allow: allow }]));
      return true;
    };
    const watched = watch({ token: "t" });
    await watched.until("the error", () => watched.errors.length === 1);
    expect(watched.last?.trust).toBe("suspect");
    expect(fake.seen[1]).toMatchObject({ method: "POST", token: "t" });
    expect(JSON.parse(fake.seen[1]?.body ?? "")).toEqual([
      { Resource: "service", Access: "read", Segment: "web" },
    ]);
    allow = true;
    watched.refresh();
    await watched.until("a trusted answer", () => watched.last?.trust === "authoritative");
    expect(watched.last?.kind).toBe("absent");
  });

  it("sends the token in its header only, and never shows it", async () => {
    const watched = watch({ token: "s3cret-token" });
    fake.script = status(403, "Permission denied for s3cret-token");
    await watched.until("the error", () => watched.errors.length === 1);
    expect(fake.seen[0]?.token).toBe("s3cret-token");
    expect(String(fake.seen[0]?.query)).not.toContain("s3cret");
    expect(JSON.stringify(watched.errors) + watched.errors[0]?.message).not.toContain("s3cret");
  });

  it("reads a token file again when its token is refused, and goes on at once with the new one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "proxyless-token-"));
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "old\n");
    fake.script = ({ token }, res) => {
      if (token === "new") return false;
      res.writeHead(403).end("ACL not found");
      return true;
    };
    const clock = new ManualClock();
    const watched = watch({ tokenFile }, { clock });
    await watched.until("the error", () => watched.errors.length === 1);
    await writeFile(tokenFile, "new\n");
    await eventually("a list", () => {
      void clock.advance(50);
      return watched.snapshots.length === 1;
    });
    expect(fake.seen.map(({ token }) => token)).toContain("old");
    await rm(folder, { recursive: true });
  });

  it("says auth when the token file cannot be read or holds no token", async () => {
    const missing = watch({ tokenFile: "/nowhere/token" });
    await missing.until("the error", () => missing.errors.length > 0);
    expect(missing.errors[0]).toMatchObject({ class: "auth" });
    expect(missing.errors[0]?.message).toContain("/nowhere/token");
    expect(fake.seen).toHaveLength(0);
  });
});

describe("the size of things", { timeout: 30_000 }, () => {
  it("tells an unchanged list of 5,000 entries from a changed one", async () => {
    const many = Array.from({ length: 5000 }, (_, i) =>
      entry(createHash("sha1").update(String(i)).digest("hex")),
    );
    fake.put("web", many);
    const watched = watch();
    await watched.until("the list", () => watched.snapshots.length === 1);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.touch();
    await watched.until("a confirmation", () => watched.ages.length === 1);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.put("web", many.slice(1));
    await watched.until("the change", () => watched.last?.endpoints.length === 4999);
    expect(watched.snapshots).toHaveLength(2);
  });
});

function status(code: number, body: string): Script {
  return (_, response) => void response.writeHead(code).end(body);
}
