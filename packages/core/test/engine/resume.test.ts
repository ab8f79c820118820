import type { IncomingMessage, ServerResponse } from "node:http";

import { describe, expect, it } from "vitest";

import { meshOf, rejection, server } from "../support/mesh.ts";

const whole = Buffer.alloc(300_000, "0123456789abcdef");
const etag = '"v1"';

interface Behaviour {
  /** The first answers break off after so many bytes. */
  readonly breaks: readonly number[];
  readonly etags?: readonly string[];
  readonly acceptRanges?: string;
  /** Takes no notice of `Range`. */
  readonly ignoresRange?: boolean;
}

/** Serves a file, badly. */
async function download({ acceptRanges = "bytes", breaks, etags = [], ignoresRange }: Behaviour): Promise<{
  readonly address: string;
  readonly requests: readonly IncomingMessage[];
}> {
  let count = 0;
  return server((request, response) => {
    const index = count++;
    const own = etags[Math.min(index, etags.length - 1)] ?? etag;
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const isPart = range !== null && ignoresRange !== true && request.headers["if-range"] === own;
    const from = isPart ? Number(range[1]) : 0;
    const headers = { etag: own, "accept-ranges": acceptRanges, "content-length": whole.length - from };
    if (isPart) {
      response.writeHead(206, {
        ...headers,
        "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}`,
      });
    } else response.writeHead(200, headers);
    const length = breaks[index];
    if (length === undefined) response.end(whole.subarray(from));
    else cutAfter(response, whole.subarray(from, from + length));
  });
}

function cutAfter(response: ServerResponse, bytes: Buffer): void {
  response.write(bytes, () => {
    setTimeout(() => response.destroy(), 20);
  });
}

const options = { retry: { resume: true, baseDelayMs: 0 } };

describe("a download that breaks off", () => {
  it("goes on where it stopped, as often as it takes, and the reader sees one stream", async () => {
    const file = await download({ breaks: [100_000, 50_000] });
    const { events, mesh } = meshOf([file.address], options);
    const response = await mesh.fetch("http://orders/file");
    expect(Buffer.from(await response.arrayBuffer()).equals(whole)).toBe(true);
    expect(file.requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=100000-",
      "bytes=150000-",
    ]);
    expect(events("call.completed")).toMatchObject([{ outcome: "success", attempts: 3 }]);
  });

  it.each<[string, Behaviour]>([
    ["has changed meanwhile", { breaks: [1_000], etags: ['"v1"', '"v2"'] }],
    ["does not take part requests into account", { breaks: [1_000], ignoresRange: true }],
    ["has a weak tag", { breaks: [1_000], etags: ['W/"v1"'] }],
    ["does not offer ranges", { breaks: [1_000], acceptRanges: "none" }],
  ])("fails where the file %s: no byte of another file is ever added", async (_, behaviour) => {
    const file = await download(behaviour);
    const { events, mesh } = meshOf([file.address], options);
    const response = await mesh.fetch("http://orders/file");
    const reader = response.body!.getReader();
    let received = 0;
    const failure = await rejection(
      (async () => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          received += value.byteLength;
        }
      })(),
    );
    expect(failure).toBeInstanceOf(Error);
    expect(received).toBe(1_000);
    const outcomes = events("attempt.completed").map(({ outcome }) => outcome);
    expect(outcomes.slice(1).every((outcome) => outcome === "ignored")).toBe(true);
  });

  it("fails as ever where nobody asked for it", async () => {
    const file = await download({ breaks: [1_000] });
    const { mesh } = meshOf([file.address], { retry: { baseDelayMs: 0 } });
    const response = await mesh.fetch("http://orders/file");
    expect(await rejection(response.arrayBuffer())).toBeInstanceOf(Error);
    expect(file.requests).toHaveLength(1);
  });
});
