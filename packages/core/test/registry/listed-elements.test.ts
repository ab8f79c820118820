import { gzipSync } from "node:zlib";

import { describe, expect, it, onTestFinished } from "vitest";

import { systemClock } from "../../src/clock.ts";
import type { Clock } from "../../src/clock.ts";
import { RegistryHttp } from "../../src/registry/registry-http.ts";
import type { RegistryRequest, RegistryResponse } from "../../src/registry/registry-http.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { RawServer } from "./raw-server.ts";

const request: RegistryRequest = { method: "GET", path: "/list", deadlineMs: 5_000, lane: "quick" };
const never = new AbortController().signal;
const kibi = 1_024;

/** A thousand elements of two kilobytes each. */
const long = Array.from({ length: 1_000 }, (_, i) => ({ i, text: "é".repeat(kibi) }));

function body(text: string | Buffer, head = "", status = "200 OK"): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\ncontent-length: ${bytes.length}\r\n${head}\r\n`),
    bytes,
  ]);
}

interface Listed {
  readonly elements: unknown[];
  readonly response: Promise<RegistryResponse>;
}

/** Asks a server that gives `answer`; `each` is called with every element's size. */
async function list(
  answer: Buffer,
  {
    clock = systemClock,
    each = () => {},
    maxBodyBytes = 10_000_000,
    signal = never,
  }: {
    readonly clock?: Clock;
    readonly each?: (bytes: number) => void;
    readonly maxBodyBytes?: number;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Listed> {
  const server = await RawServer.start((socket) => socket.write(answer));
  const http = new RegistryHttp({ urls: [server.url], watchConnections: 1, maxBodyBytes });
  onTestFinished(async () => {
    http.close();
    await server[Symbol.asyncDispose]();
  });
  const elements: unknown[] = [];
  const element = (json: Buffer): void => {
    elements.push(JSON.parse(json.toString("utf8")));
    each(json.length);
  };
  const response = http.list(request, { element }, clock, signal);
  response.catch(() => undefined);
  return { elements, response };
}

/** Does something at each turn of the event loop until `over` is settled. */
async function eachTurn(work: () => void, over: Promise<unknown>): Promise<void> {
  let isOver = false;
  const turn = (): void => {
    work();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await over;
  isOver = true;
}

describe("a list", () => {
  it("comes element by element, with the answer's head at its end", async () => {
    const { elements, response } = await list(body(JSON.stringify(long), "x-index: 7\r\n"));
    expect(await response).toMatchObject({ status: 200, body: "", headers: { "x-index": "7" } });
    expect(elements).toEqual(long);
  });

  it("comes unpacked when somebody on the way packed it", async () => {
    const { elements, response } = await list(
      body(gzipSync(JSON.stringify(long)), "content-encoding: gzip\r\n"),
    );
    await response;
    expect(elements).toEqual(long);
  });

  it("is an answer like any other when its status is no success", async () => {
    const { elements, response } = await list(body("[1,2]", "", "500 Oops"));
    expect(await response).toMatchObject({ status: 500, body: "[1,2]" });
    expect(elements).toEqual([]);
  });

  it.each(["", "content-encoding: gzip\r\n"])(
    "takes no more of a turn than its slice, and lets others run in between (%j)",
    async (head) => {
      const text = JSON.stringify(long);
      // Each element takes a millisecond of this clock, and nothing else takes any.
      let now = 0;
      const clock: Clock = { ...systemClock, now: () => now };
      const turns: number[] = [0];
      const { elements, response } = await list(body(head === "" ? text : gzipSync(text), head), {
        clock,
        each: () => {
          now++;
          turns[turns.length - 1]!++;
        },
      });
      await eachTurn(() => turns.push(0), response);
      expect(elements).toHaveLength(1_000);
      // Two milliseconds, and what of the last 16 KiB was begun by then.
      expect(Math.max(...turns)).toBeLessThanOrEqual(2 + 8);
    },
  );

  it("takes no more than 256 KiB of a turn by a clock that stands still", async () => {
    const turns: number[] = [0];
    const { response } = await list(body(JSON.stringify(long)), {
      clock: new ManualClock(),
      each: (bytes) => {
        turns[turns.length - 1]! += bytes;
      },
    });
    await eachTurn(() => turns.push(0), response);
    // What of the last 16 KiB was begun by then comes on top, and the element that ends in it began in the turn before.
    expect(Math.max(...turns)).toBeLessThanOrEqual((256 + 16 + 4) * kibi);
  });

  it("ends at once with the signal, in the middle of what has come", async () => {
    const abort = new AbortController();
    const { elements, response } = await list(body(JSON.stringify(long)), {
      signal: abort.signal,
      each: () => {
        if (elements.length === 100) setImmediate(() => abort.abort(new Error("enough")));
      },
    });
    await expect(response).rejects.toThrow("enough");
    const heard = elements.length;
    expect(heard).toBeLessThan(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(elements).toHaveLength(heard);
  });

  it("keeps its deadline while it is read", async () => {
    const clock = new ManualClock();
    const { elements, response } = await list(body(JSON.stringify(long)), {
      clock,
      each: () => {
        if (elements.length === 100) setImmediate(() => void clock.advance(5_000));
      },
    });
    await expect(response).rejects.toThrow("no answer within 5000 ms");
    expect(elements.length).toBeLessThan(1_000);
  });

  it("ends with what its reader throws, and hands nothing over after that", async () => {
    let heard = 0;
    const { response } = await list(body("[1,2,3]"), {
      each: () => {
        heard++;
        throw new Error("not that");
      },
    });
    await expect(response).rejects.toThrow("not that");
    expect(heard).toBe(1);
  });

  it.each([
    ['{"a":1}', "the answer is no list"],
    ["<html>", "the answer is no JSON"],
    ["[1,", "the answer is no JSON: it ends too soon"],
  ])("is a data error when it is %s", async (text, reason) => {
    const { response } = await list(body(text));
    await expect(response).rejects.toMatchObject({
      class: "data",
      message: expect.stringMatching(new RegExp(`^GET /list at http.*: ${reason}$`, "u")),
    });
  });

  it("is a data error when it is longer than may be", async () => {
    const { response } = await list(body(JSON.stringify(long)), { maxBodyBytes: 1_000_000 });
    await expect(response).rejects.toMatchObject({
      class: "data",
      message: expect.stringContaining("longer than 1000000 bytes"),
    });
  });

  it("is trouble that passes when it breaks off", async () => {
    const whole = body(JSON.stringify(long));
    const server = await RawServer.start((socket) => socket.end(whole.subarray(0, 1_000_000)));
    const http = new RegistryHttp({ urls: [server.url], watchConnections: 1, maxBodyBytes: 10_000_000 });
    onTestFinished(async () => {
      http.close();
      await server[Symbol.asyncDispose]();
    });
    await expect(http.list(request, { element: () => {} }, systemClock, never)).rejects.toMatchObject({
      class: "transient",
    });
  });
});
