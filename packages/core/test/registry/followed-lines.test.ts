import { describe, expect, it, onTestFinished } from "vitest";

import { systemClock } from "../../src/clock.ts";
import type { Clock } from "../../src/clock.ts";
import { RegistryHttp } from "../../src/registry/registry-http.ts";
import { chunk, RawServer, streamHead } from "./raw-server.ts";

describe("a stream that brings much at once", () => {
  it("takes no more of a turn than its slice, and lets others run in between", async () => {
    const text = Array.from({ length: 1_000 }, (_, i) => `${i}:${"x".repeat(2_048)}\n`).join("");
    const server = await RawServer.start((socket) => {
      socket.write(streamHead);
      socket.write(chunk(Buffer.from(text)));
      socket.end("0\r\n\r\n");
    });
    const http = new RegistryHttp({ urls: [server.url], watchConnections: 1, maxBodyBytes: 4_096 });
    onTestFinished(async () => {
      http.close();
      await server[Symbol.asyncDispose]();
    });
    // Each line takes a millisecond of this clock, and nothing else takes any.
    let now = 0;
    const clock: Clock = { ...systemClock, now: () => now };
    const lines: string[] = [];
    const turns: number[] = [0];
    const turn = (): void => {
      turns.push(0);
      if (lines.length < 1_000) setImmediate(turn);
    };
    setImmediate(turn);
    const line = (each: string): void => {
      now++;
      lines.push(each.slice(0, each.indexOf(":")));
      turns[turns.length - 1]!++;
    };
    await http.stream(
      { method: "GET", path: "/watch", deadlineMs: 5_000, lane: "watch" },
      { silenceMs: 60_000, line },
      clock,
      new AbortController().signal,
    );
    expect(lines).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)));
    // Two milliseconds, and what of the last 16 KiB was begun by then.
    expect(Math.max(...turns)).toBeLessThanOrEqual(2 + 8);
  });
});
