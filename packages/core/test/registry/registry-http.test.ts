import { getEventListeners } from "node:events";
import type { Socket } from "node:net";

import { describe, expect, it, vi } from "vitest";

import { systemClock } from "../../src/clock.ts";
import { RegistryHttp } from "../../src/registry/registry-http.ts";
import type { RegistryRequest, RegistryResponse } from "../../src/registry/registry-http.ts";
import { SourceError } from "../../src/registry/source-error.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { ending } from "../discovery/rig.ts";
import { answer, chunk, RawServer, streamHead } from "./raw-server.ts";

const request: RegistryRequest = {
  method: "GET",
  path: "/v1/list?token=s3cret",
  deadlineMs: 5_000,
  lane: "quick",
};
const never = new AbortController().signal;

function client(url: URL, maxBodyBytes = 1_000): RegistryHttp {
  return new RegistryHttp({ urls: [url], watchConnections: 4, maxBodyBytes });
}

async function failureOf(promise: Promise<unknown>): Promise<SourceError> {
  const end = await ending(promise);
  if ("error" in end && end.error instanceof SourceError) return end.error;
  throw new Error("it did not fail with a SourceError");
}

describe("a request", () => {
  it("gives status, headers and body, whatever the status", async () => {
    await using server = await RawServer.start((socket) =>
      socket.write(answer("{}", "503 Busy", "x-index: 7\r\n")),
    );
    const http = client(server.url);
    const abort = new AbortController();
    const response = await http.send(request, systemClock, abort.signal);
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    expect(response).toMatchObject({ status: 503, body: "{}", headers: { "x-index": "7" } });
    http.close();
  });

  it("goes to the path of the address, with JSON headers and a body's length", async () => {
    await using server = await RawServer.start((socket) => socket.write(answer("")));
    const http = client(new URL("registry/", server.url));
    await http.send(
      { ...request, method: "PUT", body: '{"a":"é"}', headers: { "x-a": "b" } },
      systemClock,
      never,
    );
    expect(server.requests[0]).toMatch(/^PUT \/registry\/v1\/list\?token=s3cret HTTP\/1\.1\r\n/u);
    expect(server.requests[0]).toContain("content-length: 10\r\n");
    expect(server.requests[0]).toContain("x-a: b\r\n");
    http.close();
  });

  it.for<[string, (socket: Socket) => unknown, string, RegExp]>([
    [
      "ends before an answer",
      (socket) => socket.destroy(),
      "transient",
      /GET \/v1\/list at http.*(?:hang up|ended)/u,
    ],
    [
      "breaks off within the answer",
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc");
        setTimeout(() => socket.destroy(), 20);
      },
      "transient",
      /broke off after 3 bytes/u,
    ],
    ["is too long", (socket) => socket.write(answer("x".repeat(1_001))), "data", /longer than 1000 bytes/u],
    ["is no HTTP", (socket) => socket.end("\u0000\u0007 not what you asked for"), "data", /Parse Error/u],
  ])("whose answer %s is an error with a class, and quotes no query", async ([, respond, kind, message]) => {
    await using server = await RawServer.start((socket) => {
      respond(socket);
    });
    const http = client(server.url);
    const error = await failureOf(http.send(request, systemClock, never));
    expect(error.class).toBe(kind);
    expect(error.message).toMatch(message);
    expect(JSON.stringify([error.message, error.cause, String(error.cause)])).not.toContain("s3cret");
    http.close();
    await vi.waitFor(() => expect(server.open).toBe(0));
  });

  it("never carries the bytes that could not be parsed, nor a secret that a refusal echoes", async () => {
    await using server = await RawServer.start((socket, _, number) => {
      socket.end(
        number === 1 ? "garbage token=hunter2hunter2" : answer("bad token hunter2hunter2", "403 No"),
      );
    });
    const http = client(server.url);
    const garbage = await failureOf(http.send(request, systemClock, never));
    expect(garbage.cause).toBeInstanceOf(Error);
    expect(garbage.cause).not.toHaveProperty("rawPacket");
    const refusal = await http.send({ ...request, secret: "hunter2hunter2" }, systemClock, never);
    expect(refusal.body).toBe("bad token (token)");
    http.close();
  });

  it("is given up at its deadline, by our clock and at that moment, also within the answer", async () => {
    await using server = await RawServer.start((socket) =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
    );
    const clock = new ManualClock();
    const http = client(server.url);
    const failed = failureOf(http.send(request, clock, never));
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    await clock.advance(5_000);
    expect(await failed).toMatchObject({
      class: "transient",
      message: expect.stringContaining("within 5000 ms"),
    });
    expect(clock.pendingTimers).toBe(0);
    await vi.waitFor(() => expect(server.open).toBe(0));
  });

  it.for(["before it is sent", "while it connects", "while it waits", "within the answer"])(
    "that is aborted %s rejects with the reason and leaves neither socket, timer nor listener",
    async (when) => {
      const half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc";
      await using server = await RawServer.start(
        (socket) => when === "within the answer" && socket.write(half),
      );
      const clock = new ManualClock();
      const http = client(server.url);
      const abort = new AbortController();
      const reason = new Error("enough");
      if (when === "before it is sent") abort.abort(reason);
      const end = ending(http.send(request, clock, abort.signal));
      if (when.startsWith("while it waits") || when.startsWith("within")) {
        await vi.waitUntil(() => server.requests.length === 1);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      abort.abort(reason);
      expect(await end).toEqual({ error: reason });
      expect(clock.pendingTimers).toBe(0);
      expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
      await vi.waitFor(() => expect(server.open).toBe(0));
    },
  );

  it("is sent again when the server closed the idle connection just as it was used, and says so after three times", async () => {
    await using server = await RawServer.start((socket, _, number) => {
      if (number === 1 || number === 3) socket.write(answer("fine"));
      else socket.resetAndDestroy();
    });
    const http = client(server.url);
    await http.send(request, systemClock, never);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await http.send(request, systemClock, never)).toMatchObject({ body: "fine" });
    expect(server.requests).toHaveLength(3);
    // A fresh connection that is reset is no stale one.
    http.close();
    expect(await failureOf(client(server.url).send(request, systemClock, never))).toMatchObject({
      class: "transient",
    });
    expect(server.requests).toHaveLength(4);
  });

  it("goes to the next address once the present one is given up, and only once for many who fail together", async () => {
    await using one = await RawServer.start((socket) => socket.write(answer("one")));
    await using two = await RawServer.start((socket) => socket.write(answer("two")));
    const http = new RegistryHttp({ urls: [one.url, two.url], watchConnections: 1, maxBodyBytes: 100 });
    const failed = http.base;
    http.moveOn(failed);
    http.moveOn(failed);
    expect(await http.send(request, systemClock, never)).toMatchObject({ body: "two" });
    expect(http.addresses).toBe(2);
    http.close();
  });
});

describe("several addresses", () => {
  const a = new URL("http://a:1/");
  const b = new URL("http://b:1/");
  const c = new URL("http://c:1/");
  const trouble = new SourceError("transient", "down");
  const make = (...list: readonly [URL, ...URL[]]): RegistryHttp =>
    new RegistryHttp({ urls: list, watchConnections: 1, maxBodyBytes: 100 });

  it("have their chance one after the other before anybody waits, and again after each wait", () => {
    const http = make(a, b, c);
    const said = Array.from({ length: 6 }, () => http.trouble(trouble, http.base));
    expect(said).toEqual(["now", "now", "wait", "now", "now", "wait"]);
    http.trouble(trouble, http.base);
    http.good();
    // The one that answered is kept, and all of them have their chance from there.
    expect(http.base).toBe(b);
    expect(Array.from({ length: 3 }, () => http.trouble(trouble, http.base))).toEqual(["now", "now", "wait"]);
  });

  it("are not tried for what is wrong with the request, nor where there is only one", () => {
    const http = make(a, b);
    for (const kind of ["auth", "config", "protocol-reset"] as const) {
      expect(http.trouble(new SourceError(kind, "no"), a)).toBe("wait");
    }
    expect(http.base).toBe(a);
    expect(make(a).trouble(trouble, a)).toBe("wait");
  });

  it("are each tried once for what may be done anywhere, until one of them does it", async () => {
    const http = make(a, b, c);
    const asked: string[] = [];
    const work =
      (well: string, kind: SourceError["class"] = "transient") =>
      async (): Promise<string> => {
        const { hostname } = http.base;
        asked.push(hostname);
        if (hostname !== well) throw new SourceError(kind, `${hostname} is down`);
        return hostname;
      };
    expect(await http.anywhere(never, work("c"))).toBe("c");
    expect((await failureOf(http.anywhere(never, work("nobody")))).message).toBe("b is down");
    expect((await failureOf(http.anywhere(never, work("nobody", "config")))).message).toBe("c is down");
    const abort = new AbortController();
    abort.abort();
    await failureOf(http.anywhere(abort.signal, work("nobody")));
    expect(asked.join("")).toBe("abccabcc");
  });
});

describe("a stream", () => {
  const streaming: RegistryRequest = { ...request, lane: "watch" };
  const follow = (
    http: RegistryHttp,
    lines: string[],
    clock = new ManualClock(),
    signal = never,
    line: (text: string) => void = () => {},
  ): Promise<RegistryResponse> =>
    http.stream(
      streaming,
      {
        silenceMs: 10_000,
        line: (text) => {
          lines.push(text);
          line(text);
        },
      },
      clock,
      signal,
    );

  it("is cut into lines wherever its chunks are cut, inside a character too", async () => {
    const text = '{"a":"grüße"}\n{"b":"🜚"}\r\n\n{"c":3}\n';
    const bytes = Buffer.from(text);
    const drip = async (socket: Socket): Promise<void> => {
      socket.write(streamHead);
      for (const byte of bytes) {
        socket.write(chunk(Buffer.from([byte])));
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end("0\r\n\r\n");
    };
    await using server = await RawServer.start((socket) => void drip(socket));
    const lines: string[] = [];
    const http = client(server.url);
    expect(await follow(http, lines)).toMatchObject({ status: 200, body: "" });
    expect(lines).toEqual(['{"a":"grüße"}', '{"b":"🜚"}', '{"c":3}']);
    http.close();
  });

  it("is ended by a line that is too long, before it is whole", async () => {
    await using server = await RawServer.start((socket) => {
      socket.write(streamHead);
      for (let i = 0; i < 20; i++) socket.write(chunk("x".repeat(100)));
    });
    const lines: string[] = [];
    const http = client(server.url);
    expect(await failureOf(follow(http, lines))).toMatchObject({
      class: "data",
      message: expect.stringContaining("1000 bytes"),
    });
    expect(lines).toEqual([]);
    await vi.waitFor(() => expect(server.open).toBe(0));
  });

  it("may be longer in all than any of its lines may be", async () => {
    await using server = await RawServer.start((socket) => {
      socket.write(streamHead);
      for (let i = 0; i < 100; i++) socket.write(chunk(`${"x".repeat(99)}\n`));
      socket.write("0\r\n\r\n");
    });
    const lines: string[] = [];
    const http = client(server.url);
    await follow(http, lines);
    expect(lines).toHaveLength(100);
    http.close();
  });

  it("that falls silent although its connection is open is ended, counted from the last byte", async () => {
    await using server = await RawServer.start((socket) => {
      socket.write(streamHead);
      socket.write(chunk("one\n"));
    });
    const lines: string[] = [];
    const clock = new ManualClock();
    const failed = failureOf(follow(client(server.url), lines, clock));
    await vi.waitFor(() => expect(lines).toEqual(["one"]));
    await clock.advance(9_999);
    server.sockets[0]?.write(chunk("two\n"));
    await vi.waitFor(() => expect(lines).toEqual(["one", "two"]));
    await clock.advance(9_999);
    expect(server.open).toBe(1);
    await clock.advance(1);
    expect(await failed).toMatchObject({
      class: "transient",
      message: expect.stringContaining("nothing came for 10000 ms"),
    });
    expect(clock.pendingTimers).toBe(0);
    await vi.waitFor(() => expect(server.open).toBe(0));
  });

  it("whose head does not come is given up at the deadline", async () => {
    await using server = await RawServer.start();
    const clock = new ManualClock();
    const failed = failureOf(follow(client(server.url), [], clock));
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    await clock.advance(5_000);
    expect(await failed).toMatchObject({ message: expect.stringContaining("no answer within 5000 ms") });
  });

  it("hands out no line after its reader threw, or its signal aborted, though more of them have come", async () => {
    await using server = await RawServer.start((socket) => {
      socket.write(streamHead);
      socket.write(chunk("one\ntwo\nthree\n"));
    });
    const lines: string[] = [];
    const thrown = follow(client(server.url), lines, new ManualClock(), never, () => {
      throw new SourceError("protocol-reset", "begin again");
    });
    expect(await failureOf(thrown)).toMatchObject({ class: "protocol-reset" });
    expect(lines).toEqual(["one"]);
    const abort = new AbortController();
    const more: string[] = [];
    const aborted = ending(
      follow(client(server.url), more, new ManualClock(), abort.signal, () => {
        abort.abort(new Error("enough"));
      }),
    );
    expect(await aborted).toMatchObject({ error: { message: "enough" } });
    expect(more).toEqual(["one"]);
    await vi.waitFor(() => expect(server.open).toBe(0));
  });

  it("that is refused is an answer like any other, with its body", async () => {
    await using server = await RawServer.start((socket) => socket.write(answer("gone", "410 Gone")));
    const lines: string[] = [];
    const http = client(server.url);
    expect(await follow(http, lines)).toMatchObject({ status: 410, body: "gone" });
    expect(lines).toEqual([]);
    http.close();
  });

  it("that the server breaks off is trouble, and one that it ends is not", async () => {
    await using server = await RawServer.start((socket, _, number) => {
      socket.write(streamHead);
      socket.write(chunk("one\n"));
      if (number === 1) setTimeout(() => socket.resetAndDestroy(), 30);
      else socket.write("0\r\n\r\n");
    });
    const http = client(server.url);
    const lines: string[] = [];
    expect(await failureOf(follow(http, lines))).toMatchObject({ class: "transient" });
    expect(await follow(http, lines)).toMatchObject({ status: 200 });
    expect(lines).toEqual(["one", "one"]);
    http.close();
  });
});
