import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import type { Gzip } from "node:zlib";

import { describe, expect, it, onTestFinished, vi } from "vitest";

import { systemClock } from "../../src/clock.ts";
import type { Clock, TimerHandle } from "../../src/clock.ts";
import { RegistryHttp } from "../../src/registry/registry-http.ts";
import type { RegistryRequest } from "../../src/registry/registry-http.ts";
import { SourceError } from "../../src/registry/source-error.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { ending } from "../discovery/rig.ts";
import { chunk, RawServer } from "./raw-server.ts";

const request: RegistryRequest = { method: "GET", path: "/list", deadlineMs: 5_000, lane: "quick" };
const never = new AbortController().signal;

function client({ url }: RawServer, maxBodyBytes = 1_000): RegistryHttp {
  const http = new RegistryHttp({ urls: [url], watchConnections: 4, maxBodyBytes });
  onTestFinished(() => {
    http.close();
  });
  return http;
}

/** A whole answer with a compressed body. */
function packed(body: Buffer, coding = "gzip", status = "200 OK", headers = ""): Buffer {
  const head = `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\ncontent-encoding: ${coding}\r\n${headers}\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

const streamHead = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n";

/** What a compressor makes of `text`, flushed so that all of it can be read at once. */
async function flushed(gzip: Gzip, text: string | Buffer): Promise<Buffer> {
  gzip.write(text);
  await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
  const bytes: unknown = gzip.read();
  if (!Buffer.isBuffer(bytes)) throw new Error("nothing was flushed");
  return bytes;
}

/** The same, with the end of the stream. */
async function ended(gzip: Gzip, text: string): Promise<Buffer> {
  gzip.end(text);
  return buffer(gzip);
}

/** More than anybody takes, as a few kilobytes that have no end. */
function bomb(): Promise<Buffer> {
  return flushed(createGzip(), Buffer.alloc(8_000_000, "x"));
}

/** Counts how often anybody began to wait. */
class CountingClock extends ManualClock {
  waits = 0;

  override setTimer<T>(fn: (arg: T) => void, ms: number, arg: T): TimerHandle {
    this.waits++;
    return super.setTimer(fn, ms, arg);
  }
}

async function failureOf(promise: Promise<unknown>): Promise<SourceError> {
  const end = await ending(promise);
  if ("error" in end && end.error instanceof SourceError) return end.error;
  throw new Error("it did not fail with a SourceError");
}

describe("a compressed answer", () => {
  const text = JSON.stringify({ list: randomBytes(300_000).toString("hex") });

  it.for<[string, (text: string) => Buffer]>([
    ["gzip", gzipSync],
    ["GZIP", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
    ["br", (plain) => brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
    // Some pad what they compress.
    ["gzip", (plain) => Buffer.concat([gzipSync(plain), Buffer.alloc(200_000)])],
    ["identity", (plain) => Buffer.from(plain)],
  ])("is read as what it was, though nobody asked for it: %s", async ([coding, pack]) => {
    const answer = packed(pack(text), coding);
    await using server = await RawServer.start((socket) => socket.write(answer));
    const http = client(server, text.length);
    for (let i = 0; i < 3; i++) expect((await http.send(request, systemClock, never)).body).toBe(text);
    expect(server.requests[0]).toContain("accept-encoding: identity\r\n");
    expect(server.sockets).toHaveLength(1);
  });

  it("is whole although its connection was closed while it was unpacked", async () => {
    await using server = await RawServer.start((socket) =>
      socket.end(packed(gzipSync(text), "gzip", "200 OK", "connection: close\r\n")),
    );
    expect((await client(server, text.length).send(request, systemClock, never)).body).toBe(text);
  });

  it("may have no body at all", async () => {
    await using server = await RawServer.start((socket) => socket.write(packed(Buffer.alloc(0))));
    expect(await client(server).send(request, systemClock, never)).toMatchObject({ status: 200, body: "" });
  });

  it("is bounded by what it becomes, long before its end", async () => {
    const endless = await bomb();
    await using server = await RawServer.start((socket) => {
      socket.write(streamHead);
      socket.write(chunk(endless));
    });
    expect(endless.length).toBeLessThan(20_000);
    expect(await failureOf(client(server, 100_000).send(request, systemClock, never))).toMatchObject({
      class: "data",
      message: expect.stringContaining("longer than 100000 bytes"),
    });
    await vi.waitFor(() => expect(server.open).toBe(0));
  });

  it.for<[string, Buffer, string, RegExp]>([
    ["ends too early", packed(gzipSync("{}").subarray(0, -4)), "transient", /broke off after 18 bytes/u],
    [
      "ends too early",
      packed(brotliCompressSync(text).subarray(0, 18), "br"),
      "transient",
      /after 18 bytes/u,
    ],
    ["is none", packed(Buffer.from("{}")), "data", /said to be encoded as gzip, and is not/u],
    ["nobody understands", packed(Buffer.from("{}"), "zip"), "data", /encoded as zip, which is not/u],
    ["was compressed twice", packed(Buffer.from("{}"), "gzip, br"), "data", /encoded as gzip, br, which/u],
  ])("that %s is an error with a class", async ([, bytes, kind, message]) => {
    await using server = await RawServer.start((socket) => socket.write(bytes));
    const error = await failureOf(client(server).send(request, systemClock, never));
    expect([error.class, error.message]).toEqual([kind, expect.stringMatching(message)]);
  });

  it("that is a refusal quotes no secret", async () => {
    await using server = await RawServer.start((socket) =>
      socket.write(packed(gzipSync("bad token hunter2hunter2"), "gzip", "403 No")),
    );
    const answer = await client(server).send({ ...request, secret: "hunter2hunter2" }, systemClock, never);
    expect(answer.body).toBe("bad token (token)");
  });

  it("is given up at its deadline and when it is aborted, and leaves neither socket nor timer", async () => {
    const half = packed(gzipSync(text)).subarray(0, 1_000);
    await using server = await RawServer.start((socket) => socket.write(half));
    const clock = new ManualClock();
    const http = client(server, text.length);
    const late = failureOf(http.send(request, clock, never));
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    await clock.advance(5_000);
    expect((await late).message).toContain("no answer within 5000 ms");
    const abort = new AbortController();
    const aborted = ending(http.send(request, clock, abort.signal));
    await vi.waitFor(() => expect(server.requests).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve, 30));
    abort.abort(new Error("enough"));
    expect(await aborted).toMatchObject({ error: { message: "enough" } });
    expect(clock.pendingTimers).toBe(0);
    await vi.waitFor(() => expect(server.open).toBe(0));
  });
});

describe("a compressed stream", () => {
  /** Follows the stream of a server that compresses; the test writes to its socket. */
  async function followed(
    server: RawServer,
    clock: Clock = systemClock,
  ): Promise<{ lines: string[]; over: Promise<unknown>; socket: Socket }> {
    const lines: string[] = [];
    const reader = { silenceMs: 10_000, line: (text: string) => void lines.push(text) };
    const over = client(server).stream({ ...request, lane: "watch" }, reader, clock, never);
    over.catch(() => {});
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    const [socket] = server.sockets;
    if (socket === undefined) throw new Error("nobody is connected");
    socket.write(streamHead);
    return { lines, over, socket };
  }

  it("gives each line as soon as the server flushed it", async () => {
    await using server = await RawServer.start();
    const { lines, over, socket } = await followed(server);
    const gzip = createGzip();
    const said: string[] = [];
    for (const line of ["one", "grüße", "three"]) {
      socket.write(chunk(await flushed(gzip, `${line}\n`)));
      said.push(line);
      await vi.waitFor(() => expect(lines).toEqual(said));
    }
    socket.write(chunk(await ended(gzip, "four\n")));
    socket.write("0\r\n\r\n");
    expect(await over).toMatchObject({ status: 200, body: "" });
    expect(lines).toEqual([...said, "four"]);
  });

  it("is alive while bytes come, even if they make no line yet, and is ended when none do", async () => {
    await using server = await RawServer.start();
    const clock = new CountingClock();
    const { lines, over, socket } = await followed(server, clock);
    await vi.waitFor(() => expect(clock.waits).toBe(2));
    const failed = failureOf(over);
    const bytes = await flushed(createGzip(), "one\n");
    for (let at = 0; at < 10; at++) {
      await clock.advance(9_000);
      const { waits } = clock;
      socket.write(chunk(bytes.subarray(at, at + 1)));
      await vi.waitFor(() => expect(clock.waits).toBeGreaterThan(waits));
    }
    expect(server.open).toBe(1);
    socket.write(chunk(bytes.subarray(10)));
    await vi.waitFor(() => expect(lines).toEqual(["one"]));
    await clock.advance(10_000);
    expect((await failed).message).toContain("nothing came for 10000 ms");
    expect(clock.pendingTimers).toBe(0);
  });

  it("is ended by a line that is too long once it is unpacked, before the line has an end", async () => {
    await using server = await RawServer.start();
    const { lines, over, socket } = await followed(server);
    socket.write(chunk(await bomb()));
    expect(await failureOf(over)).toMatchObject({
      class: "data",
      message: expect.stringContaining("longer than 1000 bytes"),
    });
    expect(lines).toEqual([]);
    await vi.waitFor(() => expect(server.open).toBe(0));
  });

  it("that ends within its compression is trouble", async () => {
    await using server = await RawServer.start();
    const { lines, over, socket } = await followed(server);
    socket.write(chunk(await flushed(createGzip(), "one\n")));
    await vi.waitFor(() => expect(lines).toEqual(["one"]));
    socket.write("0\r\n\r\n");
    expect(await failureOf(over)).toMatchObject({
      class: "transient",
      message: expect.stringContaining("broke off"),
    });
  });
});
