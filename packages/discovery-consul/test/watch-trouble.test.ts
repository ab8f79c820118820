import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ManualClock } from "@proxyless/core/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { ConsulOptions } from "../src/index.ts";
import { entry, FakeConsul } from "./support/fake-consul.ts";
import type { Script } from "./support/fake-consul.ts";
import { eventually, watching } from "./support/watching.ts";
import type { Watching } from "./support/watching.ts";

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

function watch(options: Partial<ConsulOptions> = {}, time: Parameters<typeof watching>[1] = {}): Watching {
  const made = watching({ url: fake.url, ...options }, { random: () => 0.01, ...time });
  watches.push(made);
  return made;
}

/** Lets a watch settle on one endpoint, then answers its long poll with `script`. */
async function afterGoodList(script: Script, options: Partial<ConsulOptions> = {}): Promise<Watching> {
  const made = watch(options);
  await made.sink.until("the good list", () => made.sink.snapshots.length === 1);
  await eventually("a long poll", () => fake.waiting === 1);
  fake.once(script);
  made.handle.refresh?.("test");
  await made.sink.until("an error", () => made.sink.errors.length === 1);
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
    const { sink } = await afterGoodList(script, { maxBodyBytes: 2048 });
    expect(sink.errors[0]).toMatchObject({ class: kind, message: expect.stringMatching(message) });
    expect(sink.snapshots).toHaveLength(1);
    fake.put("web", [entry("b")]);
    await sink.until("the next list", () => sink.states[0] === "b healthy");
  });

  it("never takes the index of an answer that is not 200", async () => {
    const { sink } = await afterGoodList((_, res) => {
      res.writeHead(500, { "x-consul-index": "1" }).end("rpc error making call: EOF");
    });
    await sink.until("a confirmation", () => sink.ages.length > 0);
    const asked = fake.seen.map(({ query }) => query.get("index"));
    expect(asked.slice(0, 4)).toEqual([null, "11", null, null]);
    expect(asked).not.toContain("1");
  });

  it("waits as long as Retry-After says, and says so", async () => {
    const clock = new ManualClock();
    const { sink } = watch({}, { clock });
    fake.once((_, res) => void res.writeHead(429, { "retry-after": "20" }).end());
    await sink.until("the error", () => sink.errors.length === 1);
    expect(sink.errors[0]?.retryAfterMs).toBe(20_000);
    await clock.advance(19_000);
    expect(fake.seen).toHaveLength(1);
    await clock.advance(1100);
    await sink.until("the list", () => sink.snapshots.length === 1);
  });

  it("backs off from a server that fails, and forgets only after it was well for a while", async () => {
    const clock = new ManualClock();
    fake.script = status(500, "no");
    const { sink } = watch({}, { clock, random: () => 0.999 });
    for (let minute = 0; minute < 10; minute++) {
      for (let i = 0; i < 60; i++) {
        // eslint-disable-next-line no-await-in-loop -- time moves in steps, each long enough for an answer
        await clock.advance(1000);
      }
      // eslint-disable-next-line no-await-in-loop -- real sockets need real time between
      await eventually("an answer", () => sink.errors.length >= fake.seen.length);
    }
    expect(fake.seen.length).toBeGreaterThan(10);
    expect(fake.seen.length).toBeLessThan(40);
  });

  it("notices a server that accepts and says nothing, by its own deadline", async () => {
    const clock = new ManualClock();
    fake.script = () => undefined;
    const { sink } = watch({ requestTimeoutMs: 3000 }, { clock });
    await eventually("a request", () => fake.seen.length === 1);
    await clock.advance(3000);
    await sink.until("the error", () => sink.errors.length === 1);
    expect(sink.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("within 3000 ms"),
    });
  });

  it("notices a half-open connection in the middle of a long poll after 17/16 of the wait plus 10 s", async () => {
    const clock = new ManualClock();
    const { sink } = watch({ waitMs: 16_000 }, { clock });
    await eventually("a long poll", () => fake.waiting === 1);
    await clock.advance(26_900);
    expect(sink.errors).toHaveLength(0);
    await clock.advance(200);
    await sink.until("the error", () => sink.errors.length === 1);
    await clock.advance(100);
    await sink.until("a confirmation on a new connection", () => sink.ages.length === 1);
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
    const { sink } = watch({ url: `http://127.0.0.1:${port}` });
    await sink.until("the error", () => sink.errors.length > 0);
    expect(sink.errors[0]?.class).toBe("data");
    server.close();
  });

  it("asks the next address when one fails, and stays there", async () => {
    const dead = await FakeConsul.start();
    const { url } = dead;
    await dead.close();
    const clock = new ManualClock();
    const { sink } = watch({ url: [url, fake.url] }, { clock });
    await sink.until("the list, without any wait", () => sink.snapshots.length === 1);
    expect(sink.log).toEqual(["error transient", "snapshot bound authoritative 1"]);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.put("web", [entry("b")]);
    await sink.until("the change", () => sink.states[0] === "b healthy");
    expect(sink.errors).toHaveLength(1);
  });

  it("asks a server without a leader again and again, and removes nothing on its word", async () => {
    const clock = new ManualClock();
    fake.headers["x-consul-knownleader"] = "false";
    const { sink } = watch({}, { clock });
    await sink.until("a list", () => sink.snapshots.length === 1);
    expect(sink.log).toEqual(["snapshot bound suspect 1", "error transient"]);
    fake.headers["x-consul-knownleader"] = "true";
    await clock.advance(1600);
    await sink.until("a trusted list", () => sink.last?.trust === "authoritative");
    await eventually("a long poll", () => fake.waiting === 1);
  });

  it("reads no answer of a registry as a crash", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.constantFrom(200, 204, 404, 500, 599), async (body, code) => {
        const made = watch();
        fake.script = (_, res) =>
          void res.writeHead(code, { "x-consul-index": body.slice(0, 5).trim() }).end(body);
        await made.sink.until("anything", () => made.sink.log.length > 0);
        expect(made.sink.snapshots.every(({ endpoints }) => endpoints.length === 0)).toBe(true);
        await made.stop();
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});

describe("access rules", { timeout: 30_000 }, () => {
  it("does not believe an empty list that Consul says it filtered", async () => {
    const { sink } = await afterGoodList((_, res) => {
      fake.answer(res, "[]", { "x-consul-results-filtered-by-acls": "true" });
    });
    expect(sink.log.slice(1, 3)).toEqual(["snapshot absent suspect 0", "error auth"]);
    expect(sink.errors[0]?.message).toMatch(/service:read and node:read/);
  });

  it("does not believe an empty list for nobody where the default is to deny", async () => {
    const { sink } = await afterGoodList((_, res) => {
      // Nor can this agent be asked what the token may read.
      fake.once((_request, response) => void response.writeHead(404).end());
      fake.answer(res, "[]", { "x-consul-default-acl-policy": "deny" });
    });
    expect(sink.last?.trust).toBe("suspect");
  });

  it("asks an older agent, which says nothing, whether the token may read", async () => {
    fake.put("web", []);
    let allow = false;
    fake.script = ({ path }, res) => {
      if (path !== "/v1/internal/acl/authorize") return false;
      res.writeHead(200).end(JSON.stringify([{ Resource: "service", Allow: allow }]));
      return true;
    };
    const { sink, handle } = watch({ token: "t" });
    await sink.until("the error", () => sink.errors.length === 1);
    expect(sink.last?.trust).toBe("suspect");
    expect(fake.seen[1]).toMatchObject({ method: "POST", token: "t" });
    expect(JSON.parse(fake.seen[1]?.body ?? "")).toEqual([
      { Resource: "service", Access: "read", Segment: "web" },
    ]);
    allow = true;
    handle.refresh?.("test");
    await sink.until("a trusted answer", () => sink.last?.trust === "authoritative");
    expect(sink.last?.kind).toBe("absent");
  });

  it("sends the token in its header only, and never shows it", async () => {
    const { sink } = watch({ token: "s3cret-token" });
    fake.script = status(403, "Permission denied for s3cret-token");
    await sink.until("the error", () => sink.errors.length === 1);
    expect(fake.seen[0]?.token).toBe("s3cret-token");
    expect(String(fake.seen[0]?.query)).not.toContain("s3cret");
    expect(JSON.stringify(sink.errors) + sink.errors[0]?.message).not.toContain("s3cret");
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
    const { sink } = watch({ tokenFile }, { clock });
    await sink.until("the error", () => sink.errors.length === 1);
    await writeFile(tokenFile, "new\n");
    await eventually("a list", () => {
      void clock.advance(50);
      return sink.snapshots.length === 1;
    });
    expect(fake.seen.map(({ token }) => token)).toContain("old");
    await rm(folder, { recursive: true });
  });

  it("says auth when the token file cannot be read or holds no token", async () => {
    const missing = watch({ tokenFile: "/nowhere/token" });
    await missing.sink.until("the error", () => missing.sink.errors.length > 0);
    expect(missing.sink.errors[0]).toMatchObject({ class: "auth" });
    expect(missing.sink.errors[0]?.message).toContain("/nowhere/token");
    expect(fake.seen).toHaveLength(0);
  });
});

describe("the size of things", { timeout: 30_000 }, () => {
  it("tells an unchanged list of 5,000 entries from a changed one", async () => {
    const many = Array.from({ length: 5000 }, (_, i) =>
      entry(createHash("sha1").update(String(i)).digest("hex")),
    );
    fake.put("web", many);
    const { sink } = watch();
    await sink.until("the list", () => sink.snapshots.length === 1);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.touch();
    await sink.until("a confirmation", () => sink.ages.length === 1);
    await eventually("a long poll", () => fake.waiting === 1);
    fake.put("web", many.slice(1));
    await sink.until("the change", () => sink.last?.endpoints.length === 4999);
    expect(sink.snapshots).toHaveLength(2);
  });
});

function status(code: number, body: string): Script {
  return (_, response) => void response.writeHead(code).end(body);
}
