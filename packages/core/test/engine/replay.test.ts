import { describe, expect, it } from "vitest";

import { startServer } from "../support/http.ts";
import { closing, meshOf, rejection } from "../support/mesh.ts";

interface Upload {
  readonly address: string;
  readonly bodies: readonly string[];
}

/** Takes uploads and answers 503 until `failures` of them have been refused. */
async function refusing(failures: number): Promise<Upload> {
  const bodies: string[] = [];
  const { address } = closing(
    await startServer((request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => {
        body += chunk;
      });
      request.on("end", () => {
        bodies.push(body);
        response.writeHead(bodies.length > failures ? 200 : 503).end();
      });
    }),
  );
  return { address, bodies };
}

/** A stream that says how often it was begun, and whether it was ended before its end. */
class Pieces implements AsyncIterable<Uint8Array> {
  begun = 0;
  isReturned = false;
  readonly #pieces: readonly string[];

  constructor(pieces: readonly string[]) {
    this.#pieces = pieces;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    this.begun++;
    let isAtEnd = false;
    try {
      for (const piece of this.#pieces) {
        await Promise.resolve();
        yield Buffer.from(piece);
      }
      isAtEnd = true;
    } finally {
      this.isReturned = !isAtEnd;
    }
  }
}

const retry = { baseDelayMs: 0 };

describe("a streamed request body", () => {
  it("is sent again from its beginning, though it is read once", async () => {
    const upstream = await refusing(2);
    const { mesh } = meshOf([upstream.address], { retry });
    const body = new Pieces(["one ", "two ", "three"]);
    const { response } = await mesh.service("orders").PUT("/x", { body });
    expect(response.status).toBe(200);
    expect(upstream.bodies).toEqual(["one two three", "one two three", "one two three"]);
    expect(body).toMatchObject({ begun: 1, isReturned: false });
  });

  it("is sent once where it is longer than what is kept", async () => {
    const upstream = await refusing(1);
    const { mesh } = meshOf([upstream.address], { retry: { ...retry, replayBytes: 10 } });
    const { response } = await mesh
      .service("orders")
      .PUT("/x", { body: new Pieces(["12345", "67890", "!"]) });
    expect(response.status).toBe(503);
    expect(upstream.bodies).toEqual(["1234567890!"]);
  });

  it("is sent again up to the last byte that may be kept", async () => {
    const upstream = await refusing(1);
    const { mesh } = meshOf([upstream.address], { retry: { ...retry, replayBytes: 10 } });
    const { response } = await mesh.service("orders").PUT("/x", { body: new Pieces(["12345", "67890"]) });
    expect(response.status).toBe(200);
  });

  it("is told to end when the call ends before it", async () => {
    const { mesh } = meshOf(["127.0.0.1:1"], { retry: false });
    const body = new Pieces(["never", "read"]);
    await rejection(mesh.service("orders").PUT("/x", { body }));
    expect(body.begun).toBe(0);
  });

  it("fails the call by its own error, once and for all", async () => {
    const upstream = await refusing(0);
    const { mesh } = meshOf([upstream.address], { retry });
    const body = (async function* () {
      yield Buffer.from("some");
      await Promise.resolve();
      throw new Error("the disk is gone");
    })();
    expect(await rejection(mesh.service("orders").PUT("/x", { body }))).toMatchObject({
      code: "ERR_PROXYLESS_REQUEST",
      message: expect.stringContaining("the disk is gone"),
    });
    expect(upstream.bodies).toEqual([]);
  });
});

describe("a streamed request body whose source is slow", () => {
  const piece = (letter: string): Buffer => Buffer.alloc(40_000, letter);

  async function* slowly(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const letter of ["a", "b", "c"]) {
      yield piece(letter);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  /** Answers the first request as soon as it has some of the body, or not at all. */
  async function early(
    how: "503" | "silence",
  ): Promise<{ readonly address: string; readonly bodies: readonly string[] }> {
    const bodies: string[] = [];
    let count = 0;
    const { address } = closing(
      await startServer((request, response) => {
        const isFirst = count++ === 0;
        let body = "";
        request.setEncoding("utf8");
        request.on("data", (chunk: string) => {
          body += chunk;
          if (isFirst && how === "503" && !response.headersSent) response.writeHead(503).end();
        });
        request.on("end", () => {
          bodies.push(body);
          if (!isFirst) response.end();
        });
      }),
    );
    return { address, bodies };
  }

  it.each([
    ["503", 1, 200_000],
    ["503", 200, 200_000],
    ["silence", 1, 200_000],
    ["503", 1, 65_536],
    ["503", 200, 65_536],
    ["silence", 1, 65_536],
    ["silence", 200, 65_536],
  ] as const)(
    "is sent whole or not at all (%s first, %d ms of back-off, %d bytes kept)",
    async (how, baseDelayMs, replayBytes) => {
      const upstream = await early(how);
      const { mesh } = meshOf([upstream.address], {
        retry: {
          maxAttempts: 2,
          baseDelayMs,
          maxDelayMs: Math.max(baseDelayMs, 1),
          jitter: "none",
          replayBytes,
        },
        timeout: { attemptMs: 300 },
        outlierDetection: false,
      });
      const whole = ["a", "b", "c"].map((letter) => piece(letter).toString()).join("");
      const outcome = await mesh
        .service("orders")
        .PUT("/x", { body: slowly() })
        .then(
          ({ response }) => response.status,
          () => 0,
        );
      for (const body of upstream.bodies) expect(body.length).toBe(whole.length);
      expect(upstream.bodies.every((body) => body === whole)).toBe(true);
      expect(outcome === 200 || replayBytes < whole.length).toBe(true);
    },
  );
});
